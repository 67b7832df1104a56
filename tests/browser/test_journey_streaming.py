"""While a reply is being written: stop, retry, look elsewhere, and nothing jumps."""

from __future__ import annotations

import pytest
from lab_app import LONG_TALK, App, assistant, user
from playwright.sync_api import Locator, expect
from visitor import Tabs, Visitor

pytestmark = pytest.mark.browser
QUESTION = "Summarize the conversation so far."


def start_long_reply(app: App, visitor: Visitor, session_id: str) -> None:
    app.store(session_id, LONG_TALK)
    visitor.open(session_id)
    visitor.send(QUESTION)
    expect(visitor.replies.last).to_contain_text("My cat number")


def expect_unanswered(app: App, visitor: Visitor, session_id: str) -> None:
    expect(visitor.page.get_by_text("stored without an answer")).to_be_visible()
    visitor.settled()
    assert app.rows(session_id)[len(LONG_TALK) :] == [{"role": "user", "content": QUESTION}]


def test_stop_then_retry_stores_the_question_once(app: App, visitor: Visitor) -> None:
    start_long_reply(app, visitor, "stop and retry")
    visitor.stop_button.click()
    expect_unanswered(app, visitor, "stop and retry")

    visitor.button("Retry").click()
    expect(visitor.stop_button).to_be_visible()
    expect(visitor.page.get_by_text("stored without an answer")).to_be_hidden()
    expect(visitor.replies.last).to_contain_text("My cat number")
    visitor.stop_button.click()
    expect_unanswered(app, visitor, "stop and retry")


def test_stop_with_the_button_then_remove(app: App, visitor: Visitor) -> None:
    start_long_reply(app, visitor, "stop with the button")
    visitor.stop_button.click()
    expect_unanswered(app, visitor, "stop with the button")
    visitor.button("Remove").click()
    expect(visitor.page.get_by_text("stored without an answer")).to_be_hidden()
    visitor.settled()
    assert app.rows("stop with the button") == LONG_TALK
    visitor.say("My name is Alice.")
    assert app.kinds("stop with the button")[-2:] == ["user", "assistant"]


def test_other_clicks_do_not_lose_the_reply(app: App, tabs: Tabs) -> None:
    app.store("elsewhere", [user("Hello."), assistant("Hi.")])
    visitor, other = tabs.open(), tabs.open()
    start_long_reply(app, visitor, "looked elsewhere")
    visitor.tab_button("Code").click()
    expect(visitor.page.get_by_role("tabpanel", name="Code")).to_be_visible()
    expect(visitor.replies.last).to_contain_text("My cat number")
    expect(visitor.stop_button).to_be_visible()
    visitor.entry("elsewhere").click()
    expect(visitor.heading("elsewhere")).to_be_visible()
    visitor.settled()

    other.page.goto(f"{app.url}/?session=looked+elsewhere")
    expect(other.replies.last).to_contain_text("Miso5.")
    other.button("Clear session").click()
    expect(other.page.get_by_text("A reply is being written in this session")).to_be_visible()
    other.stop_button.click()
    expect_unanswered(app, other, "looked elsewhere")


def test_message_to_a_busy_session_is_not_mixed_in(app: App, tabs: Tabs) -> None:
    first, second = tabs.open(), tabs.open()
    app.store("busy", LONG_TALK)
    second.open("busy")
    first.open("busy")
    first.send(QUESTION)
    expect(first.replies.last).to_contain_text("My cat number")
    second.send("What's my name?")
    expect(second.replies.last).to_contain_text("My cat number")
    second.stop_button.click()
    expect_unanswered(app, second, "busy")


def place(locator: Locator) -> tuple[int, int]:
    box = locator.bounding_box()
    assert box is not None
    return round(box["x"]), round(box["y"])


def test_nothing_jumps_while_a_reply_is_written(app: App, visitor: Visitor) -> None:
    app.store("steady", LONG_TALK)
    visitor.open("steady")
    names = ("Undo turn", "Pop item", "Clear session", "More", "New session")
    fixed = [visitor.button(name) for name in names]
    fixed += [visitor.message, visitor.page.get_by_role("tab", name="Items")]
    before = [place(locator) for locator in fixed]
    visitor.send(QUESTION)
    for words in ("My cat number", "Miso9.", "Miso19."):
        expect(visitor.replies.last).to_contain_text(words)
        assert [place(locator) for locator in fixed] == before
    visitor.stop_button.click()
    expect_unanswered(app, visitor, "steady")
    assert [place(locator) for locator in fixed] == before


def test_a_message_from_a_second_tab_waits_in_its_input(app: App, tabs: Tabs) -> None:
    first, second = tabs.open(), tabs.open()
    app.store("two tabs", LONG_TALK)
    second.open("two tabs")
    first.open("two tabs").send(QUESTION)
    expect(first.replies.last).to_contain_text("My cat number")
    second.send("Are you there?")
    expect(second.page.get_by_text("waits in the input")).to_be_visible()
    first.stop_button.click()
    expect(second.message).to_have_value("Are you there?")
    expect_unanswered(app, first, "two tabs")
