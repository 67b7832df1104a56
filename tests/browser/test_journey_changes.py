"""What takes items away, adds or changes them: each asks, tells, and does just that."""

from __future__ import annotations

import json

import pytest
from lab_app import App, assistant, tool_turn, user
from playwright.sync_api import expect
from visitor import Tabs, Visitor

pytestmark = pytest.mark.browser
FIRST = [user("My name is Alice."), assistant("Noted: your name is Alice.")]
TURN = tool_turn("How many days?", "59 days.")


def test_undo_lists_the_whole_turn_with_its_tool_items(app: App, visitor: Visitor) -> None:
    app.store("undo", FIRST + TURN)
    dialog = visitor.open("undo").press("Undo turn")
    expect(dialog.get_by_role("listitem")).to_have_count(4)
    expect(dialog.get_by_role("listitem").first).to_contain_text("user How many days?")
    expect(dialog.get_by_role("listitem").nth(1)).to_contain_text("tool call days_between")
    visitor.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert len(app.rows("undo")) == 6

    visitor.press("Undo turn")
    visitor.confirm("Undo this turn")
    expect(visitor.page.get_by_text("How many days?")).to_be_hidden()
    assert app.rows("undo") == FIRST
    database = visitor.tab("Database")
    expect(database.get_by_text("agent_messages: 2 rows")).to_be_visible()
    assert visitor.cells().count("- removed") == 4


def test_pop_warns_when_it_parts_a_tool_call_from_its_output(app: App, visitor: Visitor) -> None:
    app.store("pop", FIRST + TURN)
    dialog = visitor.open("pop").press("Pop item")
    expect(dialog.get_by_role("listitem")).to_have_count(1)
    expect(dialog.get_by_text("parts a tool call")).to_be_hidden()
    visitor.confirm("Pop this item")
    dialog = visitor.press("Pop item")
    expect(dialog.get_by_text("parts a tool call from its output")).to_be_visible()
    visitor.confirm("Pop this item")
    assert app.rows("pop") == FIRST + TURN[:2]
    sent = visitor.tab("Sent to model")
    expect(sent.get_by_text("Tool call without its output").first).to_be_visible()


def test_clear_and_delete_ask_first(app: App, visitor: Visitor) -> None:
    app.store("gone", FIRST + TURN)
    dialog = visitor.open("gone").press("Clear session")
    expect(dialog.get_by_text("All 6 items of gone go")).to_be_visible()
    assert len(app.rows("gone")) == 6
    visitor.confirm("Clear all items")
    assert app.rows("gone") == []
    expect(visitor.heading("gone")).to_be_visible()

    visitor.say("My name is Bob.")
    dialog = visitor.menu("Delete")
    expect(dialog.get_by_text("gone goes with its 2 items")).to_be_visible()
    visitor.confirm("Delete session")
    expect(visitor.entry("gone")).to_be_hidden()
    assert app.rows("gone") == []


@pytest.mark.parametrize(
    ("opens", "confirms"),
    [
        ("Undo turn", "Undo this turn"),
        ("Pop item", "Pop this item"),
        ("Clear session", "Clear all items"),
        ("Delete", "Delete session"),
    ],
)
def test_what_changed_since_the_dialog_opened_is_not_removed(
    app: App, visitor: Visitor, opens: str, confirms: str
) -> None:
    session_id = f"changed before {opens}"
    app.store(session_id, FIRST)
    visitor.open(session_id)
    dialog = visitor.menu(opens) if opens == "Delete" else visitor.press(opens)
    app.store(session_id, [user("Said in another tab.")])
    dialog.get_by_role("button", name=confirms, exact=True).click()
    expect(dialog.get_by_text("The session has changed since you looked")).to_be_visible()
    assert len(app.rows(session_id)) == 3


def test_two_tabs_confirm_the_same_undo_and_one_is_refused(app: App, tabs: Tabs) -> None:
    app.store("two tabs", FIRST + TURN)
    first, second = tabs.open().open("two tabs"), tabs.open().open("two tabs")
    first.press("Undo turn")
    second.press("Undo turn")
    first.confirm("Undo this turn")
    second.dialog.get_by_role("button", name="Undo this turn").click()
    expect(second.dialog.get_by_text("has changed since you looked")).to_be_visible()
    assert app.rows("two tabs") == FIRST


def test_fork_from_an_item_leaves_the_source_alone(app: App, visitor: Visitor) -> None:
    app.store("source", FIRST + TURN)
    visitor.open("source")
    visitor.page.get_by_text("2 · assistant").click()
    visitor.button("Fork from here").click()
    expect(visitor.dialog.get_by_text("The first 2 of 6 items")).to_be_visible()
    visitor.dialog.get_by_role("textbox", name="Session ID").fill("branch")
    visitor.confirm("Fork")
    expect(visitor.page.get_by_text("fork of source after 2 items")).to_be_visible()
    assert app.rows("branch") == FIRST
    visitor.say("My name is Carol.")
    assert len(app.rows("branch")) == 4
    assert app.rows("source") == FIRST + TURN


def test_add_and_edit_an_item(app: App, visitor: Visitor) -> None:
    app.store("by hand", FIRST + TURN)
    visitor.open("by hand")
    visitor.press("Add item")
    visitor.dialog.get_by_role("button", name="Add", exact=True).click()
    expect(visitor.dialog.get_by_text("Type the text of the item.")).to_be_visible()
    visitor.dialog.get_by_text("assistant", exact=True).click()
    visitor.dialog.get_by_role("textbox", name="Text").fill("Your order is A-1002.")
    visitor.confirm("Add")
    added = app.rows("by hand")[-1]
    assert added["role"] == "assistant"
    assert "Your order is A-1002." in json.dumps(added)
    expect(visitor.replies.last).to_contain_text("Added by hand or by another program")

    visitor.page.get_by_text("1 · user").click()
    visitor.button("Edit").click()
    visitor.dialog.get_by_role("textbox", name="Text").fill("My name is Zoe.")
    visitor.confirm("Save")
    expect(visitor.questions.first).to_contain_text("My name is Zoe.")
    rows = app.rows("by hand")
    assert rows[0] == user("My name is Zoe.")
    assert rows[1:] == [*FIRST[1:], *TURN, added]
    visitor.say("What's my name?")
    expect(visitor.replies.last).to_contain_text("Zoe")
