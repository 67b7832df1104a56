"""The dialogs of Chat: each tells what will happen, and does just that to what was shown."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from page_tools import Open, Page, store

from session_lab.history.items import assistant_item as assistant
from session_lab.history.items import user_item as user

CALL = {"type": "function_call", "call_id": "c1", "name": "days_between", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "59 days"}
FIRST_TURN = [user("My name is Alice."), assistant("Noted.")]
TURN = [user("How many days?"), CALL, OUTPUT, assistant("59 days.")]


@pytest.fixture
def page(open_page: Open, db_path: Path) -> Page:
    """A session of two turns, the second with a tool call."""
    store(db_path, "s", *FIRST_TURN, *TURN)
    return open_page("s")


@pytest.mark.parametrize(
    ("opens", "tells", "listed", "confirms", "left"),
    [
        ("Undo turn", "The whole last turn goes: 4 items.", 4, "Undo this turn", FIRST_TURN),
        ("Pop item", "removes the newest item", 1, "Pop this item", [*FIRST_TURN, *TURN[:3]]),
        ("Clear session", "All 6 items of **s** go.", 6, "Clear all items", []),
        ("Delete", "**s** goes with its 6 items.", 6, "Delete session", []),
    ],
)
def test_what_removes_lists_what_goes_and_refuses_if_it_changed_since(
    page: Page, opens: str, tells: str, listed: int, confirms: str, left: list[object]
) -> None:
    press = page.menu if opens == "Delete" else page.press
    press(opens)
    kinds = ["user", "assistant", "user", "tool call", "tool output", "assistant"]
    assert tells in page.shown
    assert re.findall(r"^- \*\*([\w ]+)\*\*", page.shown, re.M) == kinds[-listed:]
    newer = user("Said in another tab.")
    store(page.db_path, "s", newer)
    page.press(confirms)
    assert "The session has changed since you looked" in page.app.error[0].value
    assert page.rows("s") == [*FIRST_TURN, *TURN, newer]

    page.query("DELETE FROM agent_messages WHERE id = 7")
    press(opens)
    assert len(page.rows("s")) == 6, "asking removes nothing"
    page.press(confirms)
    assert page.rows("s") == left
    assert ("s" in page.listed) == (opens != "Delete")
    assert not page.app.error


def test_with_nothing_to_remove_that_is_said(page: Page) -> None:
    page.press("Clear session").press("Clear all items").press("Undo turn")
    assert "there is nothing to remove" in page.app.error[0].value


def test_pop_warns_when_it_parts_a_tool_call_from_its_output(page: Page) -> None:
    parts = "Tool call without its output"
    assert parts not in page.press("Pop item").shown
    page.press("Pop this item")
    assert parts in page.press("Pop item").shown
    page.press("Pop this item")
    assert page.rows("s") == [*FIRST_TURN, *TURN[:2]]
    assert parts in page.tab("Memory").shown
    assert f"\\{{\\}}\\) **goes**: {parts}" in page.menu("Repair").shown
    page.fill("Session ID", "mended").press("Make a repaired copy")
    assert "#### s \\(repaired\\)" in page.shown
    assert page.rows("mended") == [*FIRST_TURN, TURN[0]]


def test_fork_from_an_item_leaves_the_source_alone(page: Page) -> None:
    page.set("item-2", True).press("Fork from here")
    assert "The first 2 of 6 items" in page.shown
    page.fill("Session ID", "branch").press("Fork")
    assert "fork of s after 2 items" in page.shown
    assert page.rows("branch") == FIRST_TURN
    page.say("My name is Carol.")
    assert len(page.rows("branch")) == 4
    assert page.rows("s") == [*FIRST_TURN, *TURN]


def test_an_item_is_added_by_hand_if_it_has_a_text(page: Page) -> None:
    page.press("Add item").press("Add")
    assert "Type the text of the item" in page.app.error[0].value
    page.fill("Role", "assistant").fill("Text", "Your order is A-1002.").press("Add")
    assert page.rows("s") == [*FIRST_TURN, *TURN, assistant("Your order is A-1002.")]
    assert "Not recorded" in page.replies[-1]


def test_a_message_is_edited_in_its_place(page: Page) -> None:
    page.set("item-1", True).press("Edit").fill("Text", "My name is Zoe.").press("Save")
    assert page.rows("s") == [user("My name is Zoe."), *FIRST_TURN[1:], *TURN]
    assert "Zoe" in page.say("What's my name?").replies[-1]


def test_the_last_question_is_edited_and_sent_again_in_the_place_of_its_turn(page: Page) -> None:
    page.set("item-1", True).press("Edit")
    assert "Send again" not in [button.label for button in page.app.button]
    page.press("Save").set("item-1", False).set("item-3", True).press("Edit")
    page.app.session_state["view"] = "Memory"
    page.fill("Text", "What's my name?").press("Send again")
    assert page.app.session_state["view"] == "Chat", "a narrow window shows the reply"
    assert page.rows("s")[:3] == [*FIRST_TURN, user("What's my name?")]
    assert page.kinds("s") == ["user", "assistant"] * 2
    assert "From item 1 of 3" in page.replies[-1]


def test_a_tool_output_shows_its_json_and_is_not_edited(page: Page) -> None:
    assert not page.app.json
    page.set("item-5", True)
    assert json.loads(page.app.json[0].value) == OUTPUT
    assert page.by_label("button", "Edit").disabled


def test_a_title_is_shown_escaped_and_the_id_stays(page: Page) -> None:
    page.menu("Rename").fill("Title", "**T** <b>").press("Rename")
    assert "#### \\*\\*T\\*\\* \\<b\\>" in page.shown
    assert page.listed == ["\\*\\*T\\*\\* \\<b\\>"]
    assert page.rows("s") == [*FIRST_TURN, *TURN]


def test_restart_names_what_is_lost_and_keeps_the_file(page: Page) -> None:
    page.press("New session").fill("Session ID", "fleeting").fill("Storage", "Memory")
    page.press("Create").say("I work as a developer.")
    assert "fleeting: 2 items will go" in page.menu("Restart").shown
    page.press("Restart now")
    assert "1 memory session gone" in page.app.toast[0].value
    assert not page.app.warning, "nobody wonders where the session is that they ended themselves"
    assert page.listed == ["s"]
    assert "Alice" in page.say("What is my name?").replies[-1]
