"""The inspector: what was sent and what would be, the rows, and what the memory policy changes."""

from __future__ import annotations

import re

import pytest
from lab_app import App, assistant, tool_turn, user
from playwright.sync_api import expect
from visitor import Visitor

pytestmark = pytest.mark.browser
TALK = [
    *(user("My name is Alice."), assistant("Noted: your name is Alice.")),
    *tool_turn("How many days?", "59 days."),
    *(user("I live in Oslo."), assistant("Noted: you live in Oslo.")),
]


def test_memory_policy_changes_the_preview_and_the_request(app: App, visitor: Visitor) -> None:
    app.store("policies", TALK)
    sent = visitor.open("policies").tab("Sent to model")
    expect(sent.get_by_text("Stored: 8 items")).to_be_visible()
    expect(sent.get_by_text("Sent: 9 items")).to_be_visible()

    visitor.choose("Memory", "Last N items")
    visitor.page.get_by_role("spinbutton", name="N (stored items sent)").fill("3")
    visitor.page.get_by_role("spinbutton", name="N (stored items sent)").press("Enter")
    expect(sent.get_by_text("Sent: 4 items")).to_be_visible()
    expect(sent.get_by_text("Outside the last 3 items.").first).to_be_visible()

    visitor.choose("Memory", "Last N turns")
    expect(sent.get_by_text("Sent: 7 items")).to_be_visible()
    expect(sent.get_by_text("Outside the last 2 turns.").first).to_be_visible()
    visitor.say("What's my name?")
    expect(visitor.replies.last).to_contain_text("Nothing in the")
    expect(sent.get_by_text("Sent: 7 items")).to_be_visible()
    expect(sent.get_by_text("Stored: 8 items")).to_be_visible()

    visitor.choose("Memory", "Everything")
    visitor.say("What's my name?")
    expect(visitor.replies.last).to_contain_text("Alice")
    expect(sent.get_by_text("Sent: 11 items")).to_be_visible()
    assert len(app.rows("policies")) == 12


def test_summary_stands_in_the_request_but_not_in_the_rows(app: App, visitor: Visitor) -> None:
    app.store("summed up", TALK)
    visitor.open("summed up").choose("Memory", "Summary")
    sent = visitor.tab("Sent to model")
    expect(sent.get_by_text("A summary of these 2 items is written first").first).to_be_visible()
    visitor.say("What's my name?")
    expect(visitor.replies.last).to_contain_text("Alice")
    summary = sent.locator("p").filter(has_text=re.compile(r"assistant\W+My name is Alice\."))
    expect(summary).to_be_visible()
    expect(sent.get_by_text("Replaced by the summary.").first).to_be_visible()
    assert app.rows("summed up")[:8] == TALK
    assert app.kinds("summed up")[8:] == ["user", "assistant"]


def test_preview_is_what_is_sent(app: App, visitor: Visitor) -> None:
    app.store("preview", TALK)
    visitor.open("preview")
    sent = visitor.tab("Sent to model")
    field = sent.get_by_role("textbox", name="If you sent this now")
    field.fill("Where do I live?")
    field.press("Enter")
    column = sent.get_by_test_id("stColumn").last
    expect(column).to_contain_text("Where do I live?")
    visitor.settled()
    preview = column.inner_text()
    assert len(app.rows("preview")) == 8
    visitor.say("Where do I live?")
    expect(sent.get_by_role("radio", name="Last turn")).to_be_checked()
    assert column.inner_text() == preview


def test_tool_turn_shows_each_model_call_and_the_workflow(app: App, visitor: Visitor) -> None:
    visitor.open()
    visitor.create("two calls")
    sent = visitor.tab("Sent to model")
    visitor.say("How many days from 2026-01-01 to 2026-03-01?")
    expect(sent.get_by_text("Sent: 1 item")).to_be_visible()
    sent.get_by_role("radio", name="2", exact=True).click(force=True)
    expect(sent.get_by_text("Sent: 3 items")).to_be_visible()
    for count in ("0 stored", "1 item sent", "2 model calls", "4 new, now 4"):
        expect(sent.get_by_text(count)).to_be_visible()


def test_database_marks_what_the_last_action_added(app: App, visitor: Visitor) -> None:
    app.store("marked", TALK)
    visitor.open("marked")
    database = visitor.tab("Database")
    expect(database.get_by_text("agent_messages: 8 rows")).to_be_visible()
    assert "+ added" not in visitor.cells()
    visitor.say("My job is nurse.")
    expect(database.get_by_text("agent_messages: 10 rows")).to_be_visible()
    expect(database.get_by_text("lab_turns: 1 row")).to_be_visible()
    assert visitor.cells().count("+ added") == 2


def test_items_show_their_json_on_demand(app: App, visitor: Visitor) -> None:
    app.store("json", TALK)
    visitor.open("json")
    expect(visitor.page.get_by_test_id("stJson")).to_be_hidden()
    visitor.page.get_by_text("5 · tool output").click()
    expect(visitor.page.get_by_test_id("stJson")).to_contain_text("function_call_output")
    expect(visitor.button("Edit")).to_be_disabled()
