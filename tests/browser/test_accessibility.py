"""axe-core on every page, tab and dialog, in both themes."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from lab_app import App, assistant, tool_turn, user
from playwright.sync_api import expect
from visitor import WAIT, Visitor

pytestmark = pytest.mark.browser
TALK = [user("My name is Alice."), assistant("Noted."), *tool_turn("How many days?", "59 days.")]
DIALOGS = ("Undo turn", "Pop item", "Clear session", "New session", "Add item", "Edit")
MENU = ("Rename", "Fork", "Export", "Import", "Repair", "Delete", "Restart")


def serious(visitor: Visitor) -> list[str]:
    visitor.quiet()
    found = Axe().run(visitor.page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}"
        for rule in found
        if rule["impact"] in ("serious", "critical") or rule["id"] == "heading-order"
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_chat_its_tabs_and_dialogs(app: App, visitor: Visitor, theme: str) -> None:
    app.store(f"axe {theme}", TALK)
    visitor.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    # So high that nothing is hidden below the end of a panel: axe passes over that.
    visitor.page.set_viewport_size({"width": 1280, "height": 1600})
    visitor.open(f"axe {theme}")
    visitor.say("What is my name?")
    found = {"Chat": serious(visitor)}
    for name in ("Code", "Database", "Memory"):
        panel = visitor.tab(name)
        if name == "Database":  # A table is a canvas, which comes later than its frame.
            expect(panel.locator("canvas").first).to_be_visible()
        found[name] = serious(visitor)
    visitor.page.get_by_text("My name is Alice.").last.click()  # Unfolds the item.
    expect(visitor.button("Edit")).to_be_visible()
    for name in DIALOGS:
        visitor.press(name)
        found[name] = serious(visitor)
        visitor.close_dialog()
    for name in MENU:
        visitor.menu(name)
        found[name] = serious(visitor)
        visitor.close_dialog()
    assert not {name: lines for name, lines in found.items() if lines}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_compare_and_lessons(visitor: Visitor, theme: str) -> None:
    visitor.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    visitor.open().open_page("Compare", "One message")
    visitor.button("Create two users").click()
    visitor.quiet()
    visitor.send_to_both("What is my name?")
    expect(visitor.page.get_by_text("Stored by this turn")).to_have_count(2)
    found = {"Compare": serious(visitor)}
    visitor.page.get_by_text("Recall", exact=True).first.click()
    found["Under the mouse"] = serious(visitor)
    visitor.button("Run").click()
    expect(visitor.button("Download CSV")).to_be_visible(timeout=4 * WAIT)
    found["Recall"] = serious(visitor)
    visitor.open_page("Lessons", "7.1")
    for name in ("README", "agent.py", "Exercise"):
        visitor.tab(name)
        found[name] = serious(visitor)
    assert not {name: lines for name, lines in found.items() if lines}


def test_a_link_in_focus_is_seen(visitor: Visitor) -> None:
    link = visitor.open().page.get_by_role("link", name="Compare")
    for _ in range(40):
        visitor.page.keyboard.press("Tab")
        if link.evaluate("link => link === document.activeElement"):
            break
    expect(link).to_be_focused()
    expect(link).to_have_css("outline-style", "solid")
