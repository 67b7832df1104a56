"""Lessons: read one, run its script, stop it, and have its exercise checked."""

from __future__ import annotations

import pytest
from lab_app import App, assistant, user
from playwright.sync_api import expect
from visitor import Visitor

pytestmark = pytest.mark.browser


def open_lessons(visitor: Visitor) -> Visitor:
    visitor.page.get_by_role("link", name="Lessons").click()
    expect(visitor.button("Run")).to_be_enabled()
    return visitor.settled()


def test_lesson_is_read_and_run(visitor: Visitor) -> None:
    open_lessons(visitor.open())
    page = visitor.page
    expect(page.get_by_role("heading", name="7.1 Basic sessions")).to_be_visible()
    expect(visitor.tab("agent.py")).to_contain_text("async def main")
    visitor.button("Run").click()
    expect(page.get_by_text("Without a session").first).to_be_visible()
    expect(page.get_by_text("exit status 0")).to_be_visible(timeout=60_000)


def test_run_can_be_stopped_and_is_found_again(visitor: Visitor) -> None:
    open_lessons(visitor.open())
    page = visitor.page
    # The lesson that takes longest: it waits on purpose.
    page.get_by_text("7.3 Multiple sessions", exact=True).first.click()
    expect(page.get_by_text("python 7_3_multi_sessions/agent.py").first).to_be_visible()
    visitor.settled()
    visitor.button("Run").click()
    expect(visitor.stop_button).to_be_enabled()
    page.reload()
    expect(visitor.stop_button).to_be_enabled()
    visitor.stop_button.click()
    expect(page.get_by_text("Stopped after")).to_be_visible()
    expect(visitor.button("Run")).to_be_enabled()


def test_exercise_is_checked_from_the_rows(app: App, visitor: Visitor) -> None:
    app.store("user_123", [user("My order is A-1001."), assistant("Noted.")])
    app.store("user_456", [user("My order is A-1001."), assistant("Noted.")])
    open_lessons(visitor.open("user_123"))
    page = visitor.page
    page.get_by_text("7.3 Multiple sessions", exact=True).first.click()
    visitor.settled()
    visitor.tab("Exercise")
    for label, session in (("First session", "user_123"), ("Second session", "user_456")):
        box = page.get_by_role("combobox", name=label, exact=True)
        expect(box).to_have_value(f"{session} · File")  # They are chosen already.
    visitor.button("Check").click()
    expect(page.get_by_text("Not yet. This is what the rows say")).to_be_visible()
    app.store("user_456", [user("My other order is A-1002."), assistant("Noted.")])
    app.store("user_123", [user("My parcel goes to Oslo."), assistant("Noted.")])
    visitor.button("Check").click()
    expect(page.get_by_text("user_456: no row of user_123 holds “a-1002”")).to_be_visible()
