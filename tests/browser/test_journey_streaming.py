"""While a reply is being written: stop, retry, look elsewhere, and nothing jumps."""

from __future__ import annotations

import pytest
from lab_app import App, assistant, user
from playwright.sync_api import Locator, expect
from visitor import Tabs, Visitor

pytestmark = pytest.mark.browser
QUESTION = "Summarize the conversation so far."
# Asked to summarize this, the offline model writes for many seconds.
LONG_TALK = [
    item
    for number in range(160)
    for item in (user(f"My cat number {number} is called Miso{number}."), assistant("Noted."))
]


def start_long_reply(app: App, visitor: Visitor, session_id: str) -> None:
    app.store(session_id, LONG_TALK)
    visitor.open(session_id)
    visitor.send(QUESTION)
    expect(visitor.replies.last).to_contain_text("My cat number")


def expect_unanswered(app: App, visitor: Visitor, session_id: str) -> None:
    expect(visitor.page.get_by_text("stored without an answer")).to_be_visible()
    visitor.settled()
    assert app.rows(session_id)[len(LONG_TALK) :] == [user(QUESTION)]


def test_stop_then_retry_stores_the_question_once_and_remove_takes_it_out(
    app: App, visitor: Visitor
) -> None:
    start_long_reply(app, visitor, "stopped")
    visitor.stop_button.click()
    expect_unanswered(app, visitor, "stopped")

    visitor.button("Retry").click()
    expect(visitor.stop_button).to_be_visible()
    expect(visitor.page.get_by_text("stored without an answer")).to_be_hidden()
    expect(visitor.replies.last).to_contain_text("My cat number")
    visitor.stop_button.click()
    expect_unanswered(app, visitor, "stopped")

    visitor.button("Remove").click()
    expect(visitor.page.get_by_text("stored without an answer")).to_be_hidden()
    visitor.settled()
    assert app.rows("stopped") == LONG_TALK


def test_a_reply_goes_on_without_the_page_and_waits_for_nobody(app: App, tabs: Tabs) -> None:
    app.store("elsewhere", [user("Hello."), assistant("Hi.")])
    first, second = tabs.open(), tabs.open()
    start_long_reply(app, first, "looked at by two")
    first.tab_button("Code").click()
    expect(first.page.get_by_role("tabpanel", name="Code")).to_be_visible()
    expect(first.replies.last).to_contain_text("My cat number")
    expect(first.stop_button).to_be_visible()
    first.entry("elsewhere").click()
    expect(first.heading("elsewhere")).to_be_visible()
    first.settled()

    second.page.goto(f"{app.url}/?session=looked+at+by+two")
    expect(second.replies.last).to_contain_text("Miso5.")
    expect(second.questions.filter(has_text=QUESTION)).to_have_count(1)
    second.button("Clear session").click()
    expect(second.page.get_by_text("A reply is being written in this session")).to_be_visible()
    second.send("Are you there?")
    expect(second.page.get_by_text("waits in the input")).to_be_visible()

    second.stop_button.click()
    expect(second.message).to_have_value("Are you there?")
    expect_unanswered(app, second, "looked at by two")


def test_the_first_reply_of_a_server_is_on_the_page_once(app: App, tabs: Tabs) -> None:
    app.stop()
    app.start()  # Its first page is drawn while the SDK is imported.
    visitor = tabs.open()
    start_long_reply(app, visitor, "first of all")
    expect(visitor.button("Clear session")).to_have_count(1)
    visitor.stop_button.click()
    expect_unanswered(app, visitor, "first of all")


def test_compare_gives_back_what_it_can_not_send(app: App, visitor: Visitor) -> None:
    app.store("free", [user("Hello."), assistant("Hi.")])
    start_long_reply(app, visitor, "busy")
    visitor.open_page("Compare", "One message, two memories")
    visitor.choose("First session", "free · File")
    visitor.choose("Second session", "busy · File")
    visitor.send_to_both("And you?")
    expect(visitor.page.get_by_text("waits in the input")).to_be_visible()
    expect(visitor.page.get_by_role("textbox", name="Message both")).to_have_value("And you?")
    assert app.sessions_with("And you?") == []


def place(locator: Locator) -> tuple[int, int]:
    box = locator.bounding_box()
    assert box is not None
    return round(box["x"]), round(box["y"])


def test_nothing_jumps_while_a_reply_is_written(app: App, visitor: Visitor) -> None:
    app.store("steady", LONG_TALK)
    visitor.open("steady")
    names = ("Undo turn", "Pop item", "Clear session", "More", "New session")
    fixed = [visitor.button(name) for name in names]
    fixed += [visitor.message, visitor.page.get_by_role("tab", name="Memory")]
    before = [place(locator) for locator in fixed]
    visitor.send(QUESTION)
    for words in ("My cat number", "Miso9.", "Miso19."):
        expect(visitor.replies.last).to_contain_text(words)
        assert [place(locator) for locator in fixed] == before
    visitor.stop_button.click()
    expect_unanswered(app, visitor, "steady")
    assert [place(locator) for locator in fixed] == before


def test_comparison_can_be_stopped(app: App, visitor: Visitor) -> None:
    for name in ("long A", "long B"):
        app.store(name, LONG_TALK)
    visitor.open("long A").open_page("Compare", "One message, two memories")
    visitor.choose("First session", "long A · File")
    visitor.choose("Second session", "long B · File")
    visitor.send_to_both(QUESTION)
    expect(visitor.replies.filter(has_text="My cat number")).to_have_count(2)
    visitor.stop_button.click()
    expect(visitor.page.get_by_text("stored without an answer: Chat offers")).to_have_count(2)
    for name in ("long A", "long B"):
        assert app.rows(name)[len(LONG_TALK) :] == [user(QUESTION)]


def test_a_lesson_that_runs_is_found_again_after_a_reload_and_stopped(
    app: App, visitor: Visitor
) -> None:
    page = visitor.open().open_page("Lessons", "7.1 Basic sessions").page
    visitor.button("Run").click()
    expect(visitor.stop_button).to_be_enabled()
    app.hold()
    page.reload()
    expect(visitor.stop_button).to_be_enabled()
    visitor.stop_button.click()
    expect(page.get_by_text("Stopped after")).to_be_visible()
    expect(visitor.button("Run")).to_be_enabled()
