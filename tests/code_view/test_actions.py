"""The code that is shown for each click is run, and does to a database what the click did."""

import asyncio
import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from agents import SQLiteSession
from agents.testing import ScriptedModel, assistant_message
from hypothesis import given
from hypothesis import strategies as st
from lab_tools import stored
from policy_tools import filled, send

from session_lab.code_view.actions import (
    MAX_LITERAL_ITEMS,
    Action,
    AddItems,
    ClearSession,
    CreateSession,
    EditItem,
    Fork,
    FoundItems,
    PopItem,
    Reopen,
    RunTurn,
    UndoTurn,
    snippet,
)
from session_lab.code_view.program import literal
from session_lab.history.items import assistant_item, text_of, user_item
from session_lab.history.policies import POLICY_KINDS, MemoryPolicy

ROOT = Path(__file__).resolve().parent.parent.parent
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
    (CreateSession(SESSION_ID), HISTORY),
    (FoundItems(HISTORY), HISTORY),
    (PopItem(), HISTORY[:-1]),
    (UndoTurn(), HISTORY[:2]),
    (ClearSession(), []),
    (AddItems([user_item(SESSION_ID)]), [*HISTORY, user_item(SESSION_ID)]),
    (EditItem(1, [user_item("2")]), [*HISTORY[:-1], user_item("2")]),
    (EditItem(4, [user_item("'''")]), [*HISTORY[:2], user_item("'''"), *HISTORY[3:]]),
    (AddItems(HISTORY), HISTORY + HISTORY),
    (AddItems(IMPORTED[:21]), HISTORY + IMPORTED[:21]),
    (AddItems(IMPORTED), HISTORY + IMPORTED),
    (Reopen(SESSION_ID), HISTORY),
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
    run_program(snippet(EditItem(2, [user_item("new")]), SESSION_ID))
    assert stored(tmp_path / "conversations.db", SESSION_ID) == items


def test_the_snippet_of_a_fork_leaves_the_source_alone(tmp_path: Path, run_program: Run) -> None:
    database = tmp_path / "conversations.db"
    fill(database, HISTORY)
    run_program(snippet(Fork(SESSION_ID, "copy", HISTORY[:2]), SESSION_ID))
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
    run_program(snippet(AddItems([user_item("hi")]), SESSION_ID, "Memory"))
    assert [path.name for path in tmp_path.iterdir()] == ["shown.py"]


@pytest.mark.parametrize("action", [PopItem(), UndoTurn(), ClearSession(), Reopen("new")])
def test_a_snippet_on_an_empty_session_says_so_instead_of_failing(
    action: Action, tmp_path: Path, run_program: Run
) -> None:
    run_program(snippet(action, "new"))
    assert stored(tmp_path / "conversations.db", "new") == []


def test_short_actions_have_short_code() -> None:
    shown = snippet(PopItem(), "user_123")
    assert 'SQLiteSession("user_123", "conversations.db")' in shown
    assert len(shown.splitlines()) < 20


# -- the shown source is the source that runs ------------------------------------------------


@pytest.mark.parametrize("kind", POLICY_KINDS)
@pytest.mark.parametrize("text", ["new", None], ids=["message", "retry"])
@pytest.mark.parametrize("n", [1, 2])
def test_a_snippet_sends_what_the_lab_sends(
    kind: Any, text: str | None, n: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = [*HISTORY, *HISTORY[2:], *([] if text else [user_item("unanswered")])]
    fill(tmp_path / "conversations.db", history)
    monkeypatch.chdir(tmp_path)
    model = ScriptedModel([[assistant_message(str(number))] for number in range(2)])
    monkeypatch.setattr("session_lab.models.choose_model", lambda: model)
    exec(snippet(RunTurn(text, "Sales", MemoryPolicy(kind, n)), SESSION_ID), {})

    async def ask_in_the_lab() -> list[Any]:
        session = await filled(history)
        requests = await send(session, MemoryPolicy(kind, n), text, summarize=first_reply)
        return requests[-1]

    async def first_reply(_: Any) -> str:
        return "0"

    assert model.calls[-1].input == asyncio.run(ask_in_the_lab())


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
