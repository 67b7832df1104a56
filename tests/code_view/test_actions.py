"""The code that is shown for each click is run, and does to a database what the click did."""

import ast
import asyncio
import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from agents import SQLiteSession
from agents.testing import ScriptedModel, assistant_message
from hypothesis import given
from hypothesis import strategies as st
from lab_tools import stored
from policy_tools import filled, json_values, send

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
)
from session_lab.code_view.program import literal
from session_lab.code_view.script import saved_test, script, snippet
from session_lab.history.items import assistant_item, summary_items, user_item
from session_lab.history.policies import POLICY_KINDS, MemoryPolicy

SESSION_ID = "it's \"quoted\" \\ 🙂\n'''"
HISTORY: list[Any] = [
    user_item("first"),
    assistant_item("one"),
    user_item("second"),
    {"type": "function_call", "call_id": "c1", "name": "order_status", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c1", "output": "sent"},
    assistant_item("two"),
]
IMPORTED = [user_item(f"number {number}") for number in range(MAX_LITERAL_ITEMS + 1)]
NEW = user_item("''' new")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The database that a shown program uses, in the folder where it is run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "conversations.db"


def fill(path: Path, items: list[Any]) -> None:
    session = SQLiteSession(SESSION_ID, path)
    asyncio.run(session.add_items(items))
    session.close()


def run(code: str) -> None:
    Path("shown.py").write_text(code, encoding="utf-8")
    runpy.run_path("shown.py", run_name="__main__")


@pytest.mark.parametrize(
    ("action", "before", "after"),
    [
        (CreateSession(SESSION_ID), HISTORY, HISTORY),
        (FoundItems(HISTORY), HISTORY, HISTORY),
        (PopItem(), HISTORY, HISTORY[:-1]),
        (PopItem(), [], []),
        (UndoTurn(), HISTORY, HISTORY[:2]),
        (UndoTurn(), [], []),
        (ClearSession(), HISTORY, []),
        (ClearSession(), [], []),
        (AddItems([user_item(SESSION_ID)]), HISTORY, [*HISTORY, user_item(SESSION_ID)]),
        (AddItems(HISTORY), HISTORY, HISTORY + HISTORY),
        (AddItems(IMPORTED), HISTORY, HISTORY + IMPORTED),
        (EditItem(1, [NEW]), HISTORY, [*HISTORY[:-1], NEW]),
        (EditItem(4, [NEW]), HISTORY, [*HISTORY[:2], NEW, *HISTORY[3:]]),
        (EditItem(2, [NEW]), HISTORY[:1], HISTORY[:1]),  # It has become too short.
        (Fork(SESSION_ID, "copy", HISTORY[:2]), HISTORY, HISTORY),
        (Reopen(SESSION_ID), HISTORY, HISTORY),
    ],
)
def test_a_snippet_does_what_the_click_did(
    action: Action,
    before: list[Any],
    after: list[Any],
    path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fill(path, before)
    code = snippet(action, SESSION_ID)
    run(code)
    assert stored(path, SESSION_ID) == after
    if isinstance(action, Fork):
        run(code)  # What stands in the copy already goes.
        assert stored(path, "copy") == HISTORY[:2]
    assert capsys.readouterr().out.strip(), "a person sees what came of it"
    assert "session_lab" not in code, "it runs in any folder"


def test_a_snippet_of_an_in_memory_session_writes_no_file(path: Path) -> None:
    run(snippet(AddItems([NEW]), SESSION_ID, "Memory"))
    assert not path.exists()


@pytest.mark.parametrize("kind", POLICY_KINDS)
@pytest.mark.parametrize("text", ["My name is Zoë.", None], ids=["message", "retry"])
@pytest.mark.parametrize("n", [1, 2])
def test_the_snippet_of_a_run_sends_and_stores_what_the_lab_does(
    kind: Any,
    text: str | None,
    n: int,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = user_item(text or "unanswered")
    history = [*HISTORY, *HISTORY[2:], *([] if text else [asked])]
    fill(path, history)
    model = ScriptedModel([[assistant_message(str(number))] for number in range(2)])
    monkeypatch.setattr("session_lab.models.choose_model", lambda: model)
    code = snippet(RunTurn(text, "Sales", MemoryPolicy(kind, n)), SESSION_ID)
    assert code.startswith("# Save this in the repository's folder and run it there")
    run(code)

    async def first_reply(_: Any) -> str:
        return "0"

    async def send_in_the_lab() -> list[Any]:
        session = await filled(history)
        requests = await send(session, MemoryPolicy(kind, n), text, summarize=first_reply)
        return requests[-1]

    assert model.calls[-1].input == asyncio.run(send_in_the_lab())
    *kept, reply = stored(path, SESSION_ID)
    assert kept == [*HISTORY, *HISTORY[2:], asked]
    assert reply["content"][0]["text"] == capsys.readouterr().out.strip()


@pytest.mark.parametrize("kind", POLICY_KINDS)
@pytest.mark.parametrize("items", [[], HISTORY, [*HISTORY, user_item("x"), *HISTORY[4:]]], ids=len)
def test_a_saved_test_holds_and_fails_if_anything_else_is_sent(
    kind: Any, items: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = MemoryPolicy(kind, 2)

    async def first_reply(_: Any) -> str:
        return "a summary"

    async def send_in_the_lab() -> list[Any]:
        requests = await send(await filled(items), policy, "hello", summarize=first_reply)
        return requests[-1][:-1]

    sent = asyncio.run(send_in_the_lab())
    sent = sent[2:] if sent[:1] == summary_items("")[:1] else sent

    def run_test(expected: list[Any]) -> None:
        code = saved_test(SESSION_ID, items, "Support", policy, "Responses", expected)
        (tmp_path / "test_saved.py").write_text(code, encoding="utf-8")
        test = runpy.run_path(str(tmp_path / "test_saved.py"))
        test["test_what_the_next_message_sends"](tmp_path, monkeypatch)
        (tmp_path / "conversations.db").unlink()

    run_test(sent)
    with pytest.raises(AssertionError):
        run_test([*sent, user_item("never said")])


def expected_in(code: str) -> str:
    """What stands right of `expected =` in a saved test."""
    found = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Assign)]
    return next(ast.unparse(node.value) for node in found if "expected" in ast.unparse(node))


@given(st.lists(st.sampled_from([*HISTORY, NEW, {**HISTORY[3], "id": "fc_1"}])))
def test_a_saved_test_tells_what_is_sent_by_its_place_among_the_stored_items(
    sent: list[Any],
) -> None:
    code = saved_test("s", HISTORY, "Support", MemoryPolicy(), "Responses", sent)
    assert eval(expected_in(code), {"stored": HISTORY}) == sent


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ([], "[]"),
        (HISTORY, "stored"),
        (HISTORY[2:], "stored[-4:]"),
        (HISTORY[:2], "stored[:2]"),
        (HISTORY[2:4], "stored[2:4]"),
        ([*HISTORY[:3], *HISTORY[5:]], "[*stored[:3], *stored[-1:]]"),
        ([*HISTORY[:2], NEW, *HISTORY[3:]], "[*stored[:2], {new}, *stored[-3:]]"),
    ],
)
def test_a_saved_test_is_short(sent: list[Any], told: str) -> None:
    code = saved_test("s", HISTORY, "Support", MemoryPolicy(), "Responses", sent)
    assert expected_in(code) == told.replace("{new}", ast.unparse(ast.parse(literal(NEW))))
    assert code.startswith("# Save this in the repository's folder and run it there with pytest:")
    assert max(map(len, code.splitlines())) <= 200


@pytest.mark.parametrize("text", ["line\n\u202e {x} '''", None])
@pytest.mark.parametrize("added", [[], HISTORY[2:3], HISTORY[2:]], ids=len)
def test_in_a_script_a_run_stands_as_a_comment_above_what_it_stored(
    text: str | None, added: list[Any], path: Path
) -> None:
    turn = RunTurn(text, "Support", MemoryPolicy("Last N turns", 2), added, 'It\'s\n"away".')
    code = script([CreateSession("s"), FoundItems(HISTORY[:2]), turn])
    message = "[]" if text is None else literal(text)
    told = f"    # Runner.run(agent, {message}, session=session)  # Support, Last 2 turns\n"
    assert told in code and "    # It ended with an error: \"It's\\n" in code
    run(code)
    assert stored(path.with_name("session.db"), "s") == [*HISTORY[:2], *added]


def test_a_script_begins_with_its_session() -> None:
    for actions in ([], [PopItem()]):
        with pytest.raises(ValueError, match="creation of its session"):
            script(actions)


# -- literals ------------------------------------------------------------------------------


@given(json_values | st.text())
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
