"""Lesson 7.2: what the model was sent, then what is stored, then what is printed."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from agents import SessionSettings, SQLiteSession
from hypothesis import given
from hypothesis import strategies as st
from lesson_loader import ROOT, load_lesson, recording_model, run_solution, sent
from loopback_server import LoopbackServer

FOLDER = "7_2_memory_operations"
REPLY, NOTED = "assistant: Reply.", "assistant: Noted."
DOG, JOB = "user: My dog's name is Rex.", "user: I work as a nurse."
COLOR, ASK_COLOR = "user: My favorite color is green.", "user: What is my favorite color?"
WRONG, NAME = "user: My name is Alcie.", "user: My name is Alice."
ASK_NAME, THANKS = "user: What is my name?", "user: Thank you."
ORDER = "user: What is the status of order A-1002?"
TOOL_TURN = [ORDER, "function_call", "function_call_output", REPLY]


class Run(NamedTuple):
    sent: list[list[str]]
    printed: list[str]


@pytest.fixture(scope="module")
def lesson() -> ModuleType:
    return load_lesson(FOLDER)


@pytest.fixture(scope="module")
def run(lesson: ModuleType) -> Run:
    """The whole script, once, with a model that knows nothing and keeps what it is sent."""
    lesson.agent.model = model = recording_model()
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        asyncio.run(lesson.main())
    return Run(sent(model), printed.getvalue().splitlines())


# -- the script -----------------------------------------------------------------------------


def test_what_the_model_is_sent(run: Run) -> None:
    seeded = [COLOR, NOTED, ASK_COLOR, REPLY]
    corrected = [*seeded, NAME, REPLY]
    expected = {
        "what was said before": [[DOG], [DOG, REPLY, JOB]],
        "a question that no item answers": [[DOG, REPLY, JOB, REPLY, ASK_COLOR]],
        "added items, and none from before the clear": [[COLOR, NOTED, ASK_COLOR]],
        "the wrong name only before the pops": [[*seeded, WRONG], [*seeded, NAME]],
        "a tool turn": [[*corrected, ORDER], [*corrected, *TOOL_TURN[:3]]],
        "half a turn without the call": [[*corrected, ORDER, THANKS]],
        "nothing of an undone turn": [[*corrected, THANKS]],
        "everything": [[*corrected, *TOOL_TURN, ASK_NAME]],
        "a limit, without the output whose call it cuts off": [[REPLY, ASK_NAME]],
        "two whole turns": [[NAME, REPLY, *TOOL_TURN, ASK_NAME]],
        "nothing from before the clear": [[ASK_NAME]],
    }
    assert run.sent == [request for requests in expected.values() for request in requests]


def test_each_request_is_printed_with_its_number(run: Run) -> None:
    printed = [line for line in run.printed if line.startswith("  sent, call ")]
    assert len(printed) == len(run.sent)
    for number, (line, request) in enumerate(zip(printed, run.sent, strict=True), 1):
        names = [item.partition(":")[0] for item in request]
        items = "1 item" if len(names) == 1 else f"{len(names)} items"
        assert line == f"  sent, call {number}: {items} ({', '.join(names)})"


def test_what_is_stored_is_printed(run: Run) -> None:
    plain = "user, assistant"
    assert [line for line in run.printed if line.startswith(("  get", "  stored", "  popped"))] == [
        f"  get_items(): 4 items ({plain}, {plain})",
        f"  stored after clear_session() and add_items(): 2 items ({plain})",
        "  popped: {'id': 'scripted-message', 'content': [{'annotations': [], 'text': 'Re",
        "  popped: {'content': 'My name is Alcie.', 'role': 'user'}",
    ]
    assert f"  left: 8 items ({plain}, {plain}, {plain}, user, function_call)" in run.printed
    assert (
        "  removed: 4 items (user, function_call, function_call_output, assistant)" in run.printed
    )
    assert "  {'content': 'I work as a nurse.', 'role': 'user'}" in run.printed


def test_each_part_is_announced_shown_and_explained(run: Run) -> None:
    parts = "\n".join(run.printed).split("\n\n")
    assert len(parts) == 7
    for part in parts:
        first, *shown, last = part.splitlines()
        assert first.endswith(":") and last.startswith("So: "), part
        users, replies = (
            [i for i, line in enumerate(shown) if line.startswith(start)]
            for start in ("User: ", "Assistant: ")
        )
        assert users and len(users) == len(replies), part


def test_the_script_needs_nothing_but_the_sdk(tmp_path: Path) -> None:
    """In an empty folder, without `choose_model`, it runs to its end and leaves no file."""
    source = (ROOT / FOLDER / "agent.py").read_text(encoding="utf-8")
    for part in ("from session_lab.models import choose_model\n", "    model=choose_model(),\n"):
        assert source.count(part) == 1
        source = source.replace(part, "")
    script = tmp_path / "lesson" / "agent.py"
    script.parent.mkdir()
    script.write_text(source, encoding="utf-8")
    with LoopbackServer() as server:
        done = subprocess.run(
            [sys.executable, "-B", str(script)],
            cwd="/",
            env={**os.environ, "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none"},
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        )
        assert (done.returncode, done.stderr) == (0, "")
        lengths = [len(request.items) for request in server.requests]
    # This server never calls the tool, so the order is a plain turn of two items.
    assert lengths == [1, 3, 5, 3, 5, 5, 7, 7, 7, 9, 3, 5, 1]
    assert "  input tokens: everything 11 | limit=2 11 | two turns 11\n" in done.stdout
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [script]


# -- undo_turn ------------------------------------------------------------------------------

# Keys of three letters at most: no item of these has a role or a type.
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
user_messages = st.builds(lambda text: {"role": "user", "content": text}, any_json)
others = st.one_of(
    any_json,
    st.sampled_from(["assistant", "system"]).map(lambda role: {"role": role, "content": "x"}),
    st.sampled_from(["function_call", "function_call_output", "reasoning"]).map(
        lambda kind: {"type": kind, "call_id": "1"}
    ),
    st.lists(user_messages, max_size=1),  # a list is no message, whatever it holds
)
turns = st.tuples(
    st.lists(user_messages, min_size=1, max_size=3), st.lists(others, max_size=4)
).map(lambda parts: [*parts[0], *parts[1]])


class Killed(BaseException):
    """Stands for the end of the process."""


class Watched(SQLiteSession):
    """In memory. Refuses to be added to once it is filled, and dies before pop number `last`."""

    def __init__(self, items: list[Any], last: int | None = None) -> None:
        super().__init__("watched", session_settings=SessionSettings(limit=1))
        asyncio.run(super().add_items(items))
        self.pops_left = last

    async def add_items(self, items: list[Any]) -> None:
        raise AssertionError(f"put back: {items}")

    async def pop_item(self) -> Any:
        if self.pops_left == 0:
            raise Killed
        if self.pops_left is not None:
            self.pops_left -= 1
        return await super().pop_item()

    def rows(self) -> list[Any]:
        return asyncio.run(self.get_items(limit=10**9))


# What a session can hold before a turn begins: nothing, or an end that is no user message.
histories = st.one_of(
    st.just([]),
    st.tuples(st.lists(user_messages | others, max_size=8), others).map(lambda h: [*h[0], h[1]]),
)


@given(history=histories, turn=turns)
def test_after_undo_the_session_is_what_it_was_before_the_turn(
    lesson: ModuleType, history: list[Any], turn: list[Any]
) -> None:
    session = Watched([*history, *turn])
    assert asyncio.run(lesson.undo_turn(session)) == turn
    assert session.rows() == history
    session.close()


@given(history=histories, turn=turns, data=st.data())
def test_a_kill_between_two_pops_leaves_the_history_and_the_beginning_of_the_turn(
    lesson: ModuleType, history: list[Any], turn: list[Any], data: st.DataObject
) -> None:
    pops = data.draw(st.integers(0, len(turn) - 1))
    session = Watched([*history, *turn], pops)
    with pytest.raises(Killed):
        asyncio.run(lesson.undo_turn(session))
    assert session.rows() == [*history, *turn[: len(turn) - pops]]
    session.close()


@given(history=st.lists(others, max_size=4))
def test_without_a_user_message_nothing_is_removed(lesson: ModuleType, history: list[Any]) -> None:
    session = Watched(history)
    assert asyncio.run(lesson.undo_turn(session)) == []
    assert session.rows() == history
    session.close()


@given(greeting=st.lists(others, max_size=2), turns=st.lists(turns, max_size=4))
def test_the_last_two_turns_are_whole(
    lesson: ModuleType, greeting: list[Any], turns: list[list[Any]]
) -> None:
    turns = [[*turn, {"role": "assistant", "content": "x"}] for turn in turns]
    history = sum(turns, greeting)
    expected = sum(turns[-2:], [] if len(turns) > 1 else greeting)
    assert lesson.last_two_turns(history, ["new"]) == [*expected, "new"]


# -- the exercise --------------------------------------------------------------------------


def test_the_solution_forgets_the_city_and_nothing_else(lesson: ModuleType) -> None:
    lesson.agent.model = model = recording_model()
    run_solution(FOLDER, lesson)
    *_, last = sent(model)
    assert last[:5] == [NAME, REPLY, JOB, REPLY, "user: Where do I live?"]
    assert not [item for item in last if "Oslo" in item]
