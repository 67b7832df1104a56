"""The inspector: what was sent and what would be, the code behind it, and the rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from page_tools import Open, Page, store

from session_lab.history.items import assistant_item as assistant
from session_lab.history.items import user_item as user

TALK = [
    item
    for text in ("My name is Alice.", "I like tea.", "I have a dog.", "I live in Oslo.")
    for item in (user(text), assistant("Noted."))
]


@pytest.fixture
def page(open_page: Open, db_path: Path) -> Page:
    store(db_path, "s", *TALK)
    return open_page("s").tab("Sent to model")


def sent(page: Page) -> list[str]:
    """The lines of the request."""
    column = next(c for c in page.app.columns if c.markdown and "**Sent**" in c.markdown[0].value)
    return [line.value for line in column.markdown]


@pytest.mark.parametrize(
    ("policy", "count", "reason", "reply"),
    [
        ("Everything", 9, "", 'From item 1 of 9: "My name is Alice."'),
        ("Last N items", 7, "Outside the last 6 items", "Nothing in the 7 items"),
        ("Last N turns", 5, "Outside the last 2 turns", "Nothing in the 5 items"),
        ("Summary", 7, "A summary of these 4 items", "item 2 of 7, a summary: "),
    ],
)
def test_a_memory_policy_changes_the_preview_and_the_request_and_no_row(
    page: Page, policy: str, count: int, reason: str, reply: str
) -> None:
    page.choose("Memory", policy).tab("Sent to model")
    assert "**Stored**: 8 items" in page.shown
    assert reason in page.shown
    page.fill("If you sent this now", "What is my name?").run()
    preview = sent(page)
    assert "What is my name?" in preview[-1] and preview[0] == f"**Sent**: {count} items"
    page.say("What is my name?")
    if policy == "Summary":
        assert "My name is Alice" in sent(page)[2] and "Replaced by the summary" in page.shown
        assert len(sent(page)) == len(preview)
    else:
        assert sent(page) == preview
    assert reply in page.replies[-1]
    assert page.rows("s")[:8] == TALK and page.kinds("s")[8:] == ["user", "assistant"]


def test_a_tool_turn_shows_each_model_call_and_the_four_steps(page: Page) -> None:
    page.say("How many days from 2026-01-01 to 2026-03-01?")
    assert sent(page)[0] == "**Sent**: 9 items"
    page.set("model-call-last-turn", 2)
    assert sent(page)[0] == "**Sent**: 11 items"
    for count in ("8 stored", "9 items sent", "2 model calls", "4 new, now 12"):
        assert count in page.html


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
