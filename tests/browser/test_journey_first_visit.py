"""A first visit: what a person meets, says and sees, with the mouse and with the keyboard."""

from __future__ import annotations

import pytest
from lab_app import App
from playwright.sync_api import expect
from visitor import Tabs, Visitor

pytestmark = pytest.mark.browser
NAME = "My name is Alice and I live in Oslo."


def test_first_visit_is_ready_to_chat_and_explains_itself(app: App, visitor: Visitor) -> None:
    visitor.open()

    expect(visitor.heading("my_first_session")).to_be_visible()
    expect(visitor.page.get_by_text("what is stored and what the model is sent")).to_be_visible()
    suggestions = [NAME, "What city is the Golden Gate Bridge in?", "How many days from"]
    for text in suggestions:
        expect(visitor.page.get_by_role("button", name=text)).to_be_visible()
    expect(visitor.sidebar.get_by_text("Model: offline").first).to_be_visible()
    visitor.button("Undo turn").click()
    expect(visitor.page.get_by_text("there is nothing to remove")).to_be_visible()
    assert app.rows("my_first_session") == []

    visitor.page.get_by_role("button", name=NAME).click()

    expect(visitor.replies.last).to_contain_text("Noted.")
    expect(visitor.labels).to_have_count(1)
    expect(visitor.replies.last).to_contain_text("Assistant · 2 items stored · about")
    items = visitor.page.get_by_role("tabpanel", name="Items")
    expect(items.get_by_text(f"1 · user {NAME}")).to_be_visible()
    expect(items.get_by_text("2 · assistant")).to_be_visible()
    expect(visitor.page.get_by_role("button", name=NAME)).to_be_hidden()
    assert app.rows("my_first_session")[0] == {"role": "user", "content": NAME}
    assert app.kinds("my_first_session") == ["user", "assistant"]


def test_two_sessions_know_nothing_of_each_other(app: App, visitor: Visitor) -> None:
    visitor.open()
    visitor.create("user_123")
    visitor.say("My name is Alice.")
    visitor.create("user_456", "Memory")
    visitor.say("What's my name?")
    expect(visitor.replies.last).to_contain_text("Nothing in the")
    assert app.rows("user_456") == [], "a memory session must leave nothing in the file"

    visitor.entry("user_123").click()
    expect(visitor.heading("user_123")).to_be_visible()
    visitor.settled()
    expect(visitor.replies).to_have_count(1)
    visitor.say("What's my name?")
    expect(visitor.replies.last).to_contain_text("Alice")
    assert app.kinds("user_123") == ["user", "assistant"] * 2


def test_agents_share_a_session_and_use_their_tools(app: App, visitor: Visitor) -> None:
    visitor.open()
    visitor.create("shared")
    visitor.choose("Agent", "Sales")
    visitor.say("How much are 3 monitors?")
    expect(visitor.replies.last).to_contain_text("900")
    expect(visitor.replies.last).to_contain_text("Sales")
    visitor.page.get_by_text("Tool call: price_quote").click()
    arguments = 'price_quote({"product": "monitor", "quantity": 3})'
    expect(visitor.page.get_by_text(arguments, exact=True)).to_be_visible()

    visitor.choose("Agent", "Support")
    visitor.say("What is the status of order A-1001?")
    expect(visitor.replies.last).to_contain_text("Friday")
    expect(visitor.replies.last).to_contain_text("Support")
    turn = ["user", "function_call", "function_call_output", "assistant"]
    assert app.kinds("shared") == turn * 2

    visitor.page.reload()
    expect(visitor.replies.first).to_contain_text("Sales · 4 items stored")
    expect(visitor.replies.last).to_contain_text("Support · 4 items stored")


def test_everything_with_the_keyboard_alone(app: App, visitor: Visitor) -> None:
    page = visitor.open().page

    def tab_to(name: str) -> None:
        for _ in range(40):
            if page.evaluate(
                "name => [document.activeElement.ariaLabel, document.activeElement.innerText]"
                ".some(text => (text || '').trim().endsWith(name) && !text.startsWith('Help'))",
                name,
            ):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"Tab never reaches {name!r}")

    tab_to("New session")
    page.keyboard.press("Enter")
    expect(visitor.dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(visitor.dialog).to_be_hidden()
    page.keyboard.press("Enter")
    expect(visitor.dialog).to_be_visible()
    tab_to("Session ID")
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    expect(visitor.heading("by keyboard")).to_be_visible()
    visitor.settled()

    tab_to("Message the agent")
    page.keyboard.type("My name is Kim.")
    page.keyboard.press("Enter")
    expect(visitor.labels).to_have_count(1)
    visitor.settled()
    expect(visitor.message).to_be_focused()
    page.keyboard.type("What's my name?")
    page.keyboard.press("Enter")
    expect(visitor.labels).to_have_count(2)
    expect(visitor.replies.last).to_contain_text("Kim")
    assert app.kinds("by keyboard") == ["user", "assistant"] * 2


def test_second_person_sees_the_same_sessions(app: App, tabs: Tabs) -> None:
    first, second = tabs.open().open(), tabs.open()
    first.create("seen_by_both")
    first.say("My name is Ada.")
    second.open("seen_by_both")
    expect(second.replies).to_have_count(1)
    second.say("What's my name?")
    expect(second.replies.last).to_contain_text("Ada")
    assert len(app.rows("seen_by_both")) == 4
