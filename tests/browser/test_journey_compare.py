"""Compare: one message to two memories, side by side, and what the rows prove."""

from __future__ import annotations

import pytest
from lab_app import LONG_TALK, App, assistant, user
from playwright.sync_api import expect
from visitor import Visitor

pytestmark = pytest.mark.browser
ALICE = [user("My name is Alice."), assistant("Noted: your name is Alice.")]
BOB = [user("My name is Bob."), assistant("Noted: your name is Bob.")]


def open_compare(visitor: Visitor) -> Visitor:
    visitor.page.get_by_role("link", name="Compare").click()
    expect(visitor.page.get_by_role("heading", name="One message, two memories")).to_be_visible()
    return visitor.settled()


def send_to_both(visitor: Visitor, text: str) -> None:
    both = visitor.page.get_by_role("textbox", name="Message both")
    both.fill(text)
    both.press("Enter")


def test_two_sessions_answer_from_their_own_memory(app: App, visitor: Visitor) -> None:
    app.store("knows Alice", ALICE)
    app.store("knows Bob", BOB)
    visitor.open("knows Bob")
    open_compare(visitor)
    visitor.choose("First session", "knows Alice · File")
    visitor.choose("Second session", "knows Bob · File")
    send_to_both(visitor, "What's my name?")
    expect(visitor.labels).to_have_count(2)
    expect(visitor.replies.filter(has_text="Alice")).to_have_count(1)
    expect(visitor.replies.filter(has_text="Bob")).to_have_count(1)
    expect(visitor.page.get_by_text("Sent: 3 items")).to_have_count(2)
    expect(visitor.page.get_by_text("No row belongs to both")).to_be_visible()
    for session_id, stored in (("knows Alice", ALICE), ("knows Bob", BOB)):
        rows = app.rows(session_id)
        assert rows[:3] == [*stored, user("What's my name?")]
        assert len(rows) == 4


def test_two_policies_leave_the_session_as_it_is(app: App, visitor: Visitor) -> None:
    talk = [*ALICE, user("I like tea."), assistant("Noted: you like tea.")]
    app.store("one session", talk)
    visitor.open("one session")
    open_compare(visitor)
    visitor.page.get_by_text("Two memory policies", exact=True).click()
    visitor.settled()
    visitor.choose("Session", "one session · File")
    send_to_both(visitor, "What's my name?")
    expect(visitor.labels).to_have_count(2)
    expect(visitor.replies.filter(has_text="From item 1 of")).to_have_count(1)
    expect(visitor.replies.filter(has_text="Nothing in the")).to_have_count(1)
    expect(visitor.page.get_by_text("one session is as it was before")).to_be_visible()
    assert app.rows("one session") == talk


def test_comparison_can_be_stopped(app: App, visitor: Visitor) -> None:
    app.store("long A", LONG_TALK)
    app.store("long B", LONG_TALK)
    visitor.open("long A")
    open_compare(visitor)
    visitor.choose("First session", "long A · File")
    visitor.choose("Second session", "long B · File")
    send_to_both(visitor, "Summarize the conversation so far.")
    expect(visitor.replies.filter(has_text="My cat number")).to_have_count(2)
    visitor.stop_button.click()
    expect(visitor.page.get_by_text("stored without an answer: Chat offers")).to_have_count(2)
    for session_id in ("long A", "long B"):
        assert app.kinds(session_id)[len(LONG_TALK) :] == ["user"]
