"""The inspector: what was sent and what would be, the code behind it, and the rows."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from page_tools import Open, Page, end_the_process, store

from session_lab.history.items import assistant_item as assistant
from session_lab.history.items import user_item as user
from session_lab.history.policies import POLICY_KINDS

TALK = [
    item
    for text in ("My name is Alice.", "I like tea.", "I have a dog.", "I live in Oslo.")
    for item in (user(text), assistant("Noted."))
]


@pytest.fixture
def page(open_page: Open, db_path: Path) -> Page:
    store(db_path, "s", *TALK)
    return open_page("s")


def lines(page: Page) -> list[str]:
    """The list in `Memory`, as far as the page shows it."""
    return [fold.label for fold in page.app.expander if fold.label[:1].isdigit()]


@pytest.mark.parametrize(
    ("policy", "sent", "reason", "reply"),
    [
        ("Everything", 8, "", 'From item 1 of 9: "My name is Alice."'),
        ("Last N items", 6, "Outside the last 6 items", "Nothing in the 7 items"),
        ("Last N turns", 4, "Outside the last 2 turns", "Nothing in the 5 items"),
        ("Summary", 4, "Replaced by the summary", "item 2 of 7, a summary: "),
    ],
)
def test_a_memory_policy_changes_the_list_and_the_request_and_no_row(
    page: Page, policy: str, sent: int, reason: str, reply: str
) -> None:
    page.choose("Memory", policy)
    told = f"Next message: {sent} of 8 stored items"
    summary = " after a summary (2 items)" if policy == "Summary" else ""
    assert told in page.html and f"8 items, {sent} would be sent{summary}." in page.shown
    before = lines(page)
    assert [":blue[sent]" in line for line in before] == [False] * (8 - sent) + [True] * sent
    assert all(f"Stored only\\. {reason}" in line for line in before[: 8 - sent])
    extra = 2 if policy == "Summary" else 0
    if (first := 9 - sent) != 1 + extra:
        assert before[-sent].startswith(f"{first} (sent as {1 + extra}) · **user**")
    page.say("What is my name?")
    assert reply in page.replies[-1]
    assert page.rows("s")[:8] == TALK and page.kinds("s")[8:] == ["user", "assistant"]
    page.press("Request")
    assert lines(page)[:8] == before
    question, answer = lines(page)[8:]
    assert ":blue[sent]" in question and "Stored by this turn" in answer
    assert all("new" in line for line in (question, answer))
    assert f"10 items, {sent + 1} were sent{summary}." in page.shown
    assert f":small[{sent + 1 + extra} items sent]" in page.shown
    end_the_process()
    assert lines(page.run())[:8] == before, "the report is kept beside the rows"
    assert f"10 items, {sent + 1} were sent{summary}." in page.shown
    assert "kept for the newest turn only" in page.shown


def test_a_tool_turn_shows_each_model_call_and_the_four_steps(page: Page) -> None:
    page.say("How many days from 2026-01-01 to 2026-03-01?").press("Request")
    steps = ("8 stored before", "9 items sent", "2 model calls", "4 new, then 12")
    assert all(step in page.shown for step in steps)
    assert "Tool **days\\_between**" in page.shown
    first = page.query("SELECT max(id) - 3 FROM agent_messages")[0][0]
    assert [":blue[sent]" in line for line in lines(page)] == [True] * 9 + [False] * 3
    page.set(f"model-call-{first}", 2)
    assert [":blue[sent]" in line for line in lines(page)] == [True] * 11 + [False]
    assert "12 items, 11 were sent." in page.shown and "11 items sent" in page.shown
    page.say("Hello.")
    assert "14 items, 14 would be sent." in page.shown, "the new items are what is looked for"


def test_the_list_reaches_every_item_and_finds_one(open_page: Open, db_path: Path) -> None:
    store(db_path, "long", *(user(f"Fact {number}.") for number in range(34)))
    page = open_page("long")
    newest = lines(page)
    assert "34 · **user** Fact 33" in newest[-1] and len(newest) == 25
    page.set("lines-long-2", 2)
    assert "1 · **user** Fact 0" in lines(page)[0] and len({*newest, *lines(page)}) == 34
    page.fill("Find in memory", "fact 7").run()
    assert [line.split("\\")[0] for line in lines(page)] == ["8 · **user** Fact 7"]
    assert "1 of 34 items" in page.shown
    page.fill("Find in memory", "tea").run()
    assert lines(page) == [] and "No item contains tea." in page.app.info[0].value


def test_each_recorded_turn_has_its_label_and_request_however_old_and_cut(page: Page) -> None:
    page.say("How many days from 2026-01-01 to 2026-03-01?")
    more = [item for _ in range(200) for item in (user("More."), assistant("Noted."))]
    store(page.db_path, "s", *more[:37])
    page.run()
    assert page.app.chat_message[0].name == "tool", "the turn's question is above what is shown"
    assert "4 items stored" in page.replies[0]
    store(page.db_path, "s", *more[37:])
    page.run().press("Show earlier items (372 more)").press("Request")
    assert "12 items, 9 were sent." in page.shown


def test_the_database_marks_what_the_last_action_added_and_removed(page: Page) -> None:
    def marks() -> list[str]:
        return [*page.tab("Database").app.dataframe[0].value["last action"]]

    assert "**agent_messages**: 8 rows" in page.tab("Database").shown
    assert marks() == [""] * 8
    page.say("My job is nurse.")
    assert marks() == ["+ added"] * 2 + [""] * 8
    assert "**lab_turns**: 1 row" in page.shown
    page.press("Undo turn").press("Undo this turn")
    assert marks() == ["- removed"] * 2 + [""] * 8


def test_the_code_is_that_of_the_last_click(page: Page) -> None:
    assert "Do something" in page.tab("Code").shown
    page.say("Hello.")
    assert "session=session" in page.app.code[0].value
    page.press("Pop item").press("Pop this item")
    assert "pop_item()" in page.app.code[0].value
    assert "One program with 4 actions" in page.shown, "two of them open what was stored before"


def tool_items(number: int, call_id: str) -> list[Any]:
    thought = {"type": "reasoning", "id": f"rs_{number}", "summary": []}
    call = {"type": "function_call", "id": f"fc_{number}", "call_id": call_id}
    output = {"type": "function_call_output", "call_id": call_id, "output": "being packed"}
    return [thought, {**call, "name": "order_status", "arguments": "{}"}, output]


PICTURE = {"type": "input_image", "image_url": "data:image/png;base64,QUJD", "detail": "low"}
ODD = [
    {"type": "function_call_output", "call_id": "lost", "output": "Its call is gone."},
    user("Where is it?"),
    *tool_items(1, "c1"),
    {"role": "assistant", "content": [{"type": "refusal", "refusal": "I can't tell."}]},
    user("half an emoji \ud83d"),
    *tool_items(2, "c1"),  # the same call ID once more
    assistant("It is being packed."),
    {"role": "user", "content": [PICTURE]},
    *tool_items(3, "c3")[:2],
    {"type": "unheard_of"},
]


@pytest.mark.parametrize(
    ("items", "policy"), [([], "Summary"), *((ODD, kind) for kind in POLICY_KINDS)]
)
def test_what_is_saved_as_a_test_passes(
    items: list[Any],
    policy: str,
    open_page: Open,
    db_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session_id, saved = "../it's odd 🙂", {}
    store(db_path, session_id, *items)
    monkeypatch.setattr(
        st, "download_button", lambda label, data, **named: saved.update({label: (data, named)})
    )
    page = open_page(session_id if items else None)
    page.choose("Memory", policy).tab("Code")
    code, named = saved["Save as test"]
    path = tmp_path / named["file_name"]
    path.write_text(code, encoding="utf-8")
    runpy.run_path(str(path))["test_what_the_next_message_sends"](tmp_path, monkeypatch)
    assert path.parent == tmp_path and path.name.startswith("test_")
