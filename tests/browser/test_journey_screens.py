"""A phone's width and the dark theme."""

from __future__ import annotations

import re

import pytest
from lab_app import App, assistant, tool_turn, user
from playwright.sync_api import Page, expect
from visitor import WAIT, Tabs, Visitor

pytestmark = pytest.mark.browser
TALK = [user("My name is Alice."), assistant("Noted."), *tool_turn("How many days?", "59 days.")]


MOST_SHIFT = 0.02
"""Of the browser's measure of how far things move by themselves; up to 0.1 counts as good."""


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
    phone.button("Request").click()
    memory = phone.page.get_by_role("tabpanel", name="Memory")
    expect(memory).to_contain_text("were sent")
    for name in ("Memory", "Code", "Database"):
        phone.tab(name)
        expect_nothing_cut_off(phone.page)
    phone.page.get_by_role("radio", name="Chat").click()
    expect(phone.message).to_be_in_viewport()
    for name in ("Undo turn", "Pop item", "Clear session"):
        dialog = phone.press(name)
        expect(dialog.get_by_role("button").last).to_be_in_viewport()
        expect_nothing_cut_off(phone.page)
        phone.close_dialog()


def test_phone_shows_the_tables_of_recall_in_full(app: App, tabs: Tabs) -> None:
    phone = tabs.open(390, 844)
    phone.page.goto(f"{app.url}/compare")
    phone.page.get_by_role("radio", name="Recall").click()
    phone.button("Run").click()
    expect(phone.button("Download CSV")).to_be_visible(timeout=4 * WAIT)
    expect_nothing_cut_off(phone.page)
    tables = phone.page.get_by_role("table")
    expect(tables).to_have_count(2)
    for table in tables.all():
        assert table.evaluate("t => t.scrollWidth <= t.parentElement.clientWidth")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_is_that_of_the_machine(visitor: Visitor, theme: str) -> None:
    visitor.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    background = "e => getComputedStyle(e).backgroundColor"
    color = visitor.open().page.get_by_test_id("stApp").evaluate(background)
    assert (max(map(int, re.findall(r"\d+", color)[:3])) < 100) == (theme == "dark")


SIZES = [(390, 844), (820, 1180), (1024, 768), (1280, 800), (1920, 1080)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_page_never_scrolls_and_does_not_jump_while_a_reply_is_written(
    app: App, tabs: Tabs, width: int, height: int
) -> None:
    app.store("sizes", TALK)
    visitor = tabs.open(width, height)
    visitor.page.add_init_script("""window.shift = 0
new PerformanceObserver(list => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value
}).observe({type: 'layout-shift', buffered: true})""")
    visitor.open("sizes")
    visitor.quiet()
    visitor.page.evaluate("window.shift = 0")
    visitor.say("What's my name?")
    visitor.quiet()
    assert visitor.page.evaluate("window.shift") < MOST_SHIFT
    expect(visitor.message).to_be_in_viewport(ratio=1)
    expect(visitor.replies.last).to_be_in_viewport()
    expect_nothing_cut_off(visitor.page)
    main = "document.querySelector('[data-testid=stMain]')"
    assert visitor.page.evaluate(f"{main}.scrollHeight - {main}.clientHeight") <= 1


def test_request_leaves_the_conversation_where_it_is(app: App, visitor: Visitor) -> None:
    app.store("scrolled", TALK)
    visitor.open("scrolled").say("What's my name?")
    app.store("scrolled", TALK * 5)
    visitor.open("scrolled")
    button = visitor.button("Request")
    visitor.page.locator(".st-key-conversation").hover()

    def place() -> int:
        return round((button.bounding_box() or {"y": -1})["y"])

    def is_in_view() -> bool:
        """After a turn of the wheel. An open page may still be on its way to the newest item."""
        visitor.page.mouse.wheel(0, -10_000)
        button.scroll_into_view_if_needed()
        visitor.quiet()
        return 0 < place() < 600

    visitor.wait(is_in_view)
    before = place()
    button.click()
    expect(visitor.page.get_by_role("tabpanel", name="Memory")).to_contain_text("were sent")
    visitor.quiet()
    assert place() == before
