"""What a person does with the keyboard alone, and what the end of the server leaves."""

from __future__ import annotations

import pytest
from lab_app import App
from playwright.sync_api import expect
from visitor import Tabs, Visitor

pytestmark = pytest.mark.browser


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
    visitor.quiet()
    page.keyboard.press("Escape")
    expect(visitor.dialog).to_be_hidden()
    visitor.quiet()  # The focus is given back then.
    page.keyboard.press("Enter")
    expect(visitor.dialog).to_be_visible()
    visitor.quiet()
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


def test_file_session_survives_the_end_of_the_server(app: App, tabs: Tabs) -> None:
    visitor = tabs.open().open()
    visitor.create("in memory", "Memory")
    visitor.say("I live in Rome.")
    visitor.create("in the file")
    visitor.say("I live in Oslo.")
    expect(visitor.entry("in memory")).to_be_visible()
    visitor.page.close()

    app.stop()
    app.start()

    visitor = tabs.open().open("in the file")
    expect(visitor.replies.last).to_contain_text("Assistant · 2 items stored")
    visitor.say("Where do I live?")
    expect(visitor.replies.last).to_contain_text("Oslo")
    expect(visitor.entry("in memory")).to_be_hidden()
    assert len(app.rows("in the file")) == 4
    assert app.rows("in memory") == []
