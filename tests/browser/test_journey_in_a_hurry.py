"""Who acts at once, while the page is still being drawn, acts in the session that was chosen."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from lab_app import App, assistant, user
from playwright.sync_api import expect
from visitor import Visitor

pytestmark = pytest.mark.browser
TIMES = 30
FEW = 6


def create_at_once(visitor: Visitor, session_id: str) -> None:
    visitor.button("New session").click()
    visitor.dialog.get_by_role("textbox", name="Session ID").fill(session_id)
    visitor.dialog.get_by_role("button", name="Create").click()


def wait_until_stored(visitor: Visitor, text: str) -> list[str]:
    """The sessions that hold the text, as soon as one holds it. The page is not waited for."""
    visitor.wait(lambda: visitor.app.sessions_with(text))
    return visitor.app.sessions_with(text)


def test_create_then_type_at_once(visitor: Visitor) -> None:
    visitor.open()
    for number in range(TIMES):
        session_id, text = f"new {number}", f"My cat is called Miso{number}."
        create_at_once(visitor, session_id)
        visitor.send(text)
        assert wait_until_stored(visitor, text) == [session_id]


def test_choose_then_type_at_once(app: App, visitor: Visitor) -> None:
    names = [f"old {number}" for number in range(FEW)]
    for name in names:
        app.store(name, [user("Hello."), assistant("Hi.")])
    visitor.open(names[0])
    for number in range(1, TIMES + 1):
        session_id, text = names[number % FEW], f"My dog is called Rex{number}."
        visitor.entry(session_id).click()
        visitor.send(text)
        assert wait_until_stored(visitor, text) == [session_id]


def holds(app: App, session_id: str, rows: list[dict[str, Any]]) -> bool:
    return app.rows(session_id) == rows


BUTTONS: list[tuple[str, str]] = [
    ("Undo turn", "Undo this turn"),
    ("Pop item", "Pop this item"),
    ("Clear session", "Clear all items"),
]


@pytest.mark.parametrize(("button", "confirm"), BUTTONS)
def test_choose_then_press_at_once(app: App, visitor: Visitor, button: str, confirm: str) -> None:
    names = [f"{button} {number}" for number in range(10)]
    talk = [user("Hello."), assistant("Hi."), user("My name is Ada."), assistant("Noted.")]
    left = {"Undo turn": 2, "Pop item": 3, "Clear session": 0}[button]
    for name in names:
        app.store(name, talk)
    visitor.open(names[0])
    for number in range(1, 10):
        visitor.entry(names[number]).click()
        visitor.button(button).click()
        visitor.dialog.get_by_role("button", name=confirm, exact=True).click()
        visitor.wait(partial(holds, app, names[number], talk[:left]))
        untouched = [names[0], *names[number + 1 :]]
        assert all(app.rows(name) == talk for name in untouched)
        assert all(app.rows(name) == talk[:left] for name in names[1:number]), "pressed twice there"


def test_back_at_once(app: App, visitor: Visitor) -> None:
    for name in ("way in", "way out"):
        app.store(name, [user(f"I am the {name}."), assistant("Noted.")])
    visitor.open("way in")
    for number in range(5):
        visitor.entry("way out").click()
        expect(visitor.heading("way out")).to_be_visible()
        visitor.page.go_back()
        expect(visitor.heading("way in")).to_be_visible()
        visitor.send(f"Back {number}.")
        assert wait_until_stored(visitor, f"Back {number}.") == ["way in"]


def test_a_message_then_another_session(app: App, visitor: Visitor) -> None:
    """At a person's pace: the message is on its way when the other session is chosen."""
    for name in ("left", "reached"):
        app.store(name, [user(f"I am {name}."), assistant("Noted.")])
    visitor.open("left")
    visitor.send("This is for the one I leave.")
    expect(visitor.questions.last).to_contain_text("This is for the one I leave.")
    visitor.entry("reached").click()
    expect(visitor.heading("reached")).to_be_visible()
    assert wait_until_stored(visitor, "This is for the one I leave.") == ["left"]


def test_compare_sends_to_the_sessions_that_are_chosen(app: App, visitor: Visitor) -> None:
    names = [f"side {number}" for number in range(3)]
    for name in names:
        app.store(name, [user("Hello."), assistant("Hi.")])
    visitor.open()
    visitor.page.get_by_role("link", name="Compare").click()
    message = visitor.page.get_by_role("textbox", name="Message both")
    visitor.choose("First session", f"{names[0]} · File")
    for number in range(6):
        other, text = names[1 + number % 2], f"For both {number}."
        visitor.choose("Second session", f"{other} · File")
        message.fill(text)
        message.press("Enter")
        visitor.wait(partial(is_in, app, text, [names[0], other]))


def is_in(app: App, text: str, session_ids: list[str]) -> bool:
    return app.sessions_with(text) == session_ids
