"""A phone's width and the dark theme."""

from __future__ import annotations

import re

import pytest
from lab_app import App, assistant, tool_turn, user
from playwright.sync_api import Page, expect
from visitor import Tabs, Visitor

pytestmark = pytest.mark.browser
TALK = [user("My name is Alice."), assistant("Noted."), *tool_turn("How many days?", "59 days.")]
LOWEST_CONTRAST = 4.5
"""What WCAG asks for text of this size (level AA)."""


def expect_nothing_cut_off(page: Page) -> None:
    too_wide = page.evaluate(
        "() => [document.documentElement, ...document.querySelectorAll('[data-testid=stMain]')]"
        ".map(part => part.scrollWidth - part.clientWidth).filter(extra => extra > 1)"
    )
    assert too_wide == [], "the page scrolls sideways"


def test_phone_reaches_the_sidebar_the_input_each_tab_and_each_dialog(app: App, tabs: Tabs) -> None:
    app.store("phone", TALK)
    phone = tabs.open(390, 844).open()
    new_session = phone.button("New session")
    expect(new_session).not_to_be_in_viewport()
    phone.page.get_by_test_id("stExpandSidebarButton").click()
    expect(new_session).to_be_in_viewport()
    expect_nothing_cut_off(phone.page)
    phone.entry("phone").click()
    expect(phone.heading("phone")).to_be_attached()
    phone.sidebar.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    expect(new_session).not_to_be_in_viewport()
    expect(phone.message).to_be_in_viewport()

    phone.say("What's my name?")
    expect(phone.replies.last).to_be_in_viewport()
    expect(phone.message).to_be_in_viewport()
    expect_nothing_cut_off(phone.page)
    for name in ("Memory", "Code", "Database"):
        phone.tab(name)
        expect_nothing_cut_off(phone.page)
    for name in ("Undo turn", "Pop item", "Clear session"):
        dialog = phone.press(name)
        expect(dialog.get_by_role("button").last).to_be_in_viewport()
        expect_nothing_cut_off(phone.page)
        phone.close_dialog()


def luminance(color: str) -> float:
    channels = [int(part) / 255 for part in re.findall(r"[\d.]+", color)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


COLOURS = """element => {
    let behind = element
    const colour = () => getComputedStyle(behind).backgroundColor
    while (behind.parentElement && /^rgba.*, 0(\\.\\d+)?\\)$/.test(colour()))
        behind = behind.parentElement
    return [getComputedStyle(element).color, colour()]
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_in_both_themes(app: App, visitor: Visitor, theme: str) -> None:
    app.store("colours", TALK)
    visitor.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    visitor.open("colours")
    texts = {
        "question": visitor.questions.first.get_by_text("My name is Alice."),
        "reply": visitor.replies.first.get_by_text("Noted.", exact=True),
        "heading": visitor.page.get_by_role("heading", level=4),
        "tab": visitor.tab_button("Code"),
        "button": visitor.page.get_by_role("button", name="Undo turn").get_by_text("Undo turn"),
        "entry": visitor.entry("colours"),
    }
    for name, locator in texts.items():
        text, background = locator.evaluate(COLOURS)
        dark, light = sorted((luminance(text), luminance(background)))
        assert (light + 0.05) / (dark + 0.05) >= LOWEST_CONTRAST, f"{name}: {text} on {background}"
    _, background = visitor.page.get_by_test_id("stApp").evaluate(COLOURS)
    assert (luminance(background) < 0.2) == (theme == "dark")
