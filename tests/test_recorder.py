"""The code that is shown for each click is run, and does to a database what the click did."""

import asyncio
import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from agents import Agent, RunConfig, Runner, SQLiteSession
from agents.testing import ScriptedModel, assistant_message
from hypothesis import given
from hypothesis import strategies as st
from lab_tools import stored

from session_lab.code_view.actions import (
    MAX_LITERAL_ITEMS,
    Action,
    AddItem,
    Baseline,
    ClearSession,
    CreateSession,
    EditItem,
    Fork,
    ImportItems,
    PopItem,
    Reopen,
    RunTurn,
    UndoTurn,
    snippet,
)
from session_lab.code_view.policy_code import policy_code
from session_lab.code_view.program import literal, program
from session_lab.history.items import assistant_item, text_of, user_item, with_text
from session_lab.history.policies import POLICY_KINDS, MemoryPolicy
from session_lab.history.policies import run_config as lab_run_config

ROOT = Path(__file__).resolve().parent.parent
Run = Callable[[str], str]
SESSION_ID = "it's \"quoted\" \\ 🙂\n'''"
HISTORY: list[Any] = [
    user_item("first"),
    assistant_item("one"),
    user_item("second"),
    {"type": "function_call", "call_id": "c1", "name": "order_status", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c1", "output": "sent"},
    assistant_item("two"),
]


@pytest.fixture
def run_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs a program in `tmp_path`, where no key is set either; returns what it prints."""
    monkeypatch.chdir(tmp_path)

    def run(code: str) -> str:
        path = tmp_path / "shown.py"
        path.write_text(code, encoding="utf-8")
        runpy.run_path(str(path), run_name="__main__")
        return capsys.readouterr().out

    return run


def fill(database: Path, items: list[Any]) -> None:
    session = SQLiteSession(SESSION_ID, database)
    asyncio.run(session.add_items(items))
    session.close()


IMPORTED = [user_item(f"number {number}") for number in range(MAX_LITERAL_ITEMS + 1)]
CHANGES: list[tuple[Action, list[Any]]] = [
    (CreateSession(SESSION_ID, "File"), HISTORY),
    (Baseline(HISTORY), HISTORY),
    (PopItem(), HISTORY[:-1]),
    (UndoTurn(4), HISTORY[:2]),
    (ClearSession(), []),
    (AddItem(user_item(SESSION_ID)), [*HISTORY, user_item(SESSION_ID)]),
    (EditItem(1, "2"), [*HISTORY[:-1], with_text(HISTORY[-1], "2")]),
    (EditItem(4, "'''"), [*HISTORY[:2], with_text(HISTORY[2], "'''"), *HISTORY[3:]]),
    (ImportItems(HISTORY), HISTORY + HISTORY),
    (ImportItems(IMPORTED[:21]), HISTORY + IMPORTED[:21]),
    (ImportItems(IMPORTED), HISTORY + IMPORTED),
    (Reopen(), HISTORY),
]


@pytest.mark.parametrize(
    ("action", "after"), CHANGES, ids=[type(action).__name__ for action, _ in CHANGES]
)
def test_a_snippet_does_what_the_click_did(
    action: Action, after: list[Any], tmp_path: Path, run_program: Run
) -> None:
    database = tmp_path / "conversations.db"
    fill(database, HISTORY)
    shown = run_program(snippet(action, SESSION_ID))
    assert shown.strip(), "a person sees what came of it"
    assert stored(database, SESSION_ID) == after
    assert "session_lab" not in snippet(action, SESSION_ID), "it runs in any folder"


@pytest.mark.parametrize("items", [[], HISTORY[:1]], ids=len)
def test_the_snippet_of_an_edit_leaves_a_shorter_session_alone(
    items: list[Any], tmp_path: Path, run_program: Run
) -> None:
    fill(tmp_path / "conversations.db", items)
    assert run_program(snippet(EditItem(2, "new"), SESSION_ID)) == "No such item\n"
    assert stored(tmp_path / "conversations.db", SESSION_ID) == items


def test_the_snippet_of_a_fork_leaves_the_source_alone(tmp_path: Path, run_program: Run) -> None:
    database = tmp_path / "conversations.db"
    fill(database, HISTORY)
    run_program(snippet(Fork(SESSION_ID, "copy", 2), SESSION_ID))
    assert stored(database, "copy") == HISTORY[:2]
    assert stored(database, SESSION_ID) == HISTORY


@pytest.mark.parametrize("kind", POLICY_KINDS)
@pytest.mark.parametrize("text", ["My name is Zoë.", None], ids=["message", "retry"])
def test_the_snippet_of_a_run_stores_one_turn(
    kind: Any, text: str | None, tmp_path: Path, run_program: Run
) -> None:
    database = tmp_path / "conversations.db"
    question = user_item("My name is Zoë.")
    fill(database, HISTORY if text else [*HISTORY, question])
    action = RunTurn(text, "Support", MemoryPolicy(kind, 1), [])
    code = snippet(action, SESSION_ID)
    assert code.startswith(
        "# Save this in the repository's folder and run it there: it imports session_lab.\n"
    )
    shown = run_program(code)
    after = stored(database, SESSION_ID)
    assert after[: len(HISTORY) + 1] == [*HISTORY, question]
    assert [text_of(item) for item in after[len(HISTORY) + 1 :]] == [shown.strip()]


def test_a_snippet_of_an_in_memory_session_writes_no_file(tmp_path: Path, run_program: Run) -> None:
    run_program(snippet(AddItem(user_item("hi")), SESSION_ID, "Memory"))
    assert [path.name for path in tmp_path.iterdir()] == ["shown.py"]


@pytest.mark.parametrize("action", [PopItem(), UndoTurn(2), ClearSession(), Reopen()])
def test_a_snippet_on_an_empty_session_says_so_instead_of_failing(
    action: Action, tmp_path: Path, run_program: Run
) -> None:
    run_program(snippet(action, "new"))
    assert stored(tmp_path / "conversations.db", "new") == []


def test_short_actions_have_short_code() -> None:
    shown = snippet(PopItem(), "user_123")
    assert 'SQLiteSession("user_123", "conversations.db")' in shown
    assert len(shown.splitlines()) < 20


# -- the code of a policy sends what the lab sends -------------------------------------------

messages = st.sampled_from([user_item("hi"), user_item("more"), assistant_item("ok")])


@pytest.mark.parametrize("kind", POLICY_KINDS)
@pytest.mark.parametrize("retry", [False, True], ids=["message", "retry"])
@pytest.mark.parametrize("n", [1, 2, 9])
async def test_the_shown_policy_is_the_policy(kind: Any, retry: bool, n: int) -> None:
    policy = MemoryPolicy(kind, n)
    history = [*HISTORY, *HISTORY[2:], *([user_item("unanswered")] if retry else [])]
    definitions, expression = policy_code(policy, "summary_model", retry=retry)

    async def summarize(items: Any) -> str:
        return f"{len(items)} items"

    async def shown_config(session: SQLiteSession) -> RunConfig | None:
        summary_model = ScriptedModel([[assistant_message(f"{len(history) - 1} items")]] * 9)
        code = program(
            f"{definitions}async def config(session):\n    return {expression or None}\n"
        )
        names: dict[str, Any] = {"summary_model": summary_model}
        exec(code, names)
        config: RunConfig | None = await names["config"](session)
        return config

    async def send(config: RunConfig | None, session: SQLiteSession) -> list[str]:
        model = ScriptedModel([[assistant_message("new")]])
        agent = Agent("Assistant", model=model)
        question: Any = [] if retry else "new"
        await Runner.run(agent, question, session=session, run_config=config)
        return [text_of(item) for item in model.calls[0].input]

    first, second = SQLiteSession("1"), SQLiteSession("2")
    await first.add_items(history)
    await second.add_items(history)
    expected = await send(await lab_run_config(policy, first, summarize, retry=retry), first)
    sent = await send(await shown_config(second), second)
    if kind == "Summary" and n < 3:
        assert sent[1].endswith("items") and expected[1].endswith("items")
        sent[1] = expected[1]
    assert sent == expected


# -- literals ------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_a_literal_is_the_value_on_one_line(value: Any) -> None:
    text = literal(value)
    assert eval(text, {"json": json}) == value
    assert len(text.splitlines()) == 1
    text.encode()


def test_odd_json_is_still_a_literal() -> None:
    deep: Any = []
    for _ in range(300):
        deep = [deep]
    assert eval(literal(deep), {"json": json}) == deep
    assert repr(eval(literal([float("nan"), float("inf")]), {"json": json})) == "[nan, inf]"
    surrogate = "\ud800 \u202e"
    assert eval(literal(surrogate)) == surrogate
    assert literal(surrogate).isascii(), "what cannot be seen or encoded is escaped"
