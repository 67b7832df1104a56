"""A downloaded script, run in an empty folder, builds the very items of the session again."""

import asyncio
import json
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from agents import Runner, SQLiteSession
from agents.testing import assistant_message
from lab_tools import stored
from random_clicks import TEXTS, Clicks

from session_lab.code_view.actions import (
    Action,
    AddItem,
    Baseline,
    CreateSession,
    PopItem,
    RunTurn,
)
from session_lab.code_view.agents import AGENT_NAMES, AgentName, make_agent
from session_lab.code_view.script import script
from session_lab.history.items import user_item
from session_lab.history.policies import POLICY_KINDS, MemoryPolicy
from session_lab.models.offline import OfflineModel


def run_alone(code: str, folder: Path) -> str:
    """Run a script in an empty folder, in a process that cannot import the lab."""
    folder.mkdir(exist_ok=True)
    (folder / "script.py").write_text(code, encoding="utf-8")
    assert "session_lab" not in code
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def run_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], list[str]]:
    """Runs a script in `tmp_path`, in this process because that is faster; the printed lines."""
    monkeypatch.chdir(tmp_path)

    def run(code: str) -> list[str]:
        Path("script.py").write_text(code, encoding="utf-8")
        runpy.run_path("script.py", run_name="__main__")
        return capsys.readouterr().out.splitlines()

    return run


@pytest.mark.parametrize("seed", range(20))
def test_random_clicks_are_reproduced(
    seed: int, tmp_path: Path, run_here: Callable[[str], list[str]]
) -> None:
    clicks = Clicks(seed, tmp_path / "app.db")
    items = asyncio.run(clicks.do(12))
    printed = run_here(script(clicks.actions))
    assert [json.loads(line) for line in printed] == items
    assert stored(tmp_path / "session.db", clicks.session_id) == items


def test_the_script_needs_nothing_but_the_sdk(tmp_path: Path) -> None:
    clicks = Clicks(100, tmp_path / "app.db")
    items = asyncio.run(clicks.do(40))
    code = script(clicks.actions)
    folder = tmp_path / "empty"
    assert [json.loads(line) for line in run_alone(code, folder).splitlines()] == items
    assert sorted(path.name for path in folder.iterdir()) == ["script.py", "session.db"]
    run_alone(code, folder)
    assert stored(folder / "session.db", clicks.session_id) == items, "a second run adds nothing"


MESSAGE: Any = assistant_message("answer", item_id="msg_1").model_dump(exclude_unset=True)
CALL: Any = {
    "type": "function_call",
    "call_id": "c1",
    "name": "order_status",
    "arguments": '{"order_id":"A-1001"}',
}
OUTPUT: Any = {
    "type": "function_call_output",
    "call_id": "c1",
    "output": "Order A-1001: shipped, arrives on Friday",
}
QUESTION = user_item("where is it?")


def turn(stored_items: list[Any], text: str | None = "where is it?", error: str = "") -> RunTurn:
    return RunTurn(text, "Support", MemoryPolicy(), stored_items, error or None)


@pytest.mark.parametrize(
    ("run", "is_replayed"),
    [
        (turn([QUESTION, MESSAGE]), True),
        (turn([QUESTION, CALL, OUTPUT, MESSAGE]), True),
        (turn([QUESTION], error="Stopped."), True),
        (turn([QUESTION, CALL, OUTPUT], error="Stopped."), True),
        (turn([MESSAGE], text=None), True),
        (turn([], error="The server is away."), False),
        (turn([QUESTION, CALL], error="Stopped."), False),
        (turn([QUESTION, OUTPUT, MESSAGE]), False),
        (turn([QUESTION, {**CALL, "name": "unknown"}, OUTPUT, MESSAGE]), False),
        (turn([QUESTION, MESSAGE, QUESTION]), False),
        (turn([QUESTION, user_item("no reply is a user message")]), False),
        (turn([user_item("another question"), MESSAGE]), False),
    ],
)
def test_a_run_is_replayed_if_the_sdk_would_store_the_same(
    run: RunTurn, is_replayed: bool, tmp_path: Path, run_here: Callable[[str], list[str]]
) -> None:
    before = user_item("before")
    actions = [CreateSession("s", "File"), Baseline([before]), run]
    code = script(actions)
    assert ("await run(" in code) == is_replayed
    run_here(code)
    assert stored(tmp_path / "session.db", "s") == [before, *run.stored]


async def talk_offline(session: SQLiteSession) -> list[Action]:
    actions: list[Action] = [CreateSession(session.session_id, "File")]
    said: list[tuple[AgentName, str]] = [
        ("Assistant", "My name is Zoë."),
        ("Support", "What is the status of order A-1001?"),
        ("Sales", "Quote 3 laptops"),
        ("Assistant", "What is my name?"),
    ]
    for agent, text in said:
        before = await session.get_items()
        await Runner.run(make_agent(agent, OfflineModel()), text, session=session)
        stored_items = (await session.get_items())[len(before) :]
        actions.append(RunTurn(text, agent, MemoryPolicy(), stored_items))
    return actions


def test_what_the_offline_model_said_is_replayed(
    tmp_path: Path, run_here: Callable[[str], list[str]]
) -> None:
    actions = asyncio.run(talk_offline(SQLiteSession("s", tmp_path / "app.db")))
    code = script(actions)
    run_here(code)
    assert stored(tmp_path / "session.db", "s") == stored(tmp_path / "app.db", "s")
    assert code.count("await run(") == 4 and "add_items" not in code


def test_a_live_model_is_asked_under_the_same_policy(
    run_here: Callable[[str], list[str]],
) -> None:
    history = [item for number in range(3) for item in (user_item(f"q{number}"), MESSAGE)]
    policies = [MemoryPolicy(kind, 1) for kind in POLICY_KINDS]
    runs = [RunTurn("new", "Sales", policy, [user_item("new"), MESSAGE]) for policy in policies]
    code = script([CreateSession("s", "File"), Baseline(history), *runs])
    live = "ScriptedModel([[assistant_message(str(number))] for number in range(9)])"
    code = code.replace("LIVE_MODEL = None", f"LIVE_MODEL = {live}")
    code = code.replace("import ScriptedModel", "import ScriptedModel, assistant_message")
    code = code.replace("session.close()", "print([len(call.input) for call in LIVE_MODEL.calls])")
    shown = run_here(code)
    # Everything; the last item; the last turn; the summary's own request, and what it shortens.
    assert shown[-1] == "[7, 2, 3, 11, 5]"


def test_a_script_begins_with_its_session() -> None:
    with pytest.raises(ValueError, match="creation of its session"):
        script([PopItem()])
    with pytest.raises(ValueError, match="creation of its session"):
        script([])


def test_a_script_without_runs_holds_no_agents() -> None:
    code = script([CreateSession("s", "File"), AddItem(QUESTION)])
    assert "Agent" not in code and "ScriptedModel" not in code


def test_a_long_history_is_rebuilt(tmp_path: Path, run_here: Callable[[str], list[str]]) -> None:
    history = [user_item(f"{number} {TEXTS[number % len(TEXTS)]}") for number in range(1000)]
    run_here(script([CreateSession("s", "Memory"), Baseline(history), PopItem()]))
    assert stored(tmp_path / "session.db", "s") == history[:-1]


def test_a_script_holds_the_agents_of_the_lab() -> None:
    names: dict[str, Any] = {"__name__": "downloaded"}
    code = script([CreateSession("s", "File"), turn([QUESTION, MESSAGE])])
    exec(code.replace("asyncio.run(main())", ""), names)
    for name in AGENT_NAMES:
        ours, theirs = make_agent(name, None), names["make_agent"](name, None)
        assert (theirs.name, theirs.instructions) == (ours.name, ours.instructions)
        schemas = [[tool.params_json_schema for tool in agent.tools] for agent in (ours, theirs)]
        assert schemas[0] == schemas[1]
