"""Who acts at once, while the page is still being drawn, acts in the session that was chosen."""

from __future__ import annotations

import pytest
from lab_app import App, assistant, user
from playwright.sync_api import expect
from visitor import Visitor

pytestmark = pytest.mark.browser
TIMES = 6
TALK = [user("Hello."), assistant("Hi."), user("My name is Ada."), assistant("Noted.")]


def wait_until_stored(visitor: Visitor, text: str, *session_ids: str) -> None:
    """Until these sessions and no others hold the text. The page is not waited for."""
    visitor.wait(lambda: len(visitor.app.sessions_with(text)) >= len(session_ids))
    assert visitor.app.sessions_with(text) == [*session_ids]


def test_create_then_type_at_once(visitor: Visitor) -> None:
    visitor.open()
    for number in range(TIMES):
        session_id, text = f"new {number}", f"My cat is called Miso{number}."
        visitor.button("New session").click()
        visitor.dialog.get_by_role("textbox", name="Session ID").fill(session_id)
        visitor.dialog.get_by_role("button", name="Create").click()
        visitor.send(text)
        wait_until_stored(visitor, text, session_id)


def test_choose_then_type_at_once(app: App, visitor: Visitor) -> None:
    names = [f"old {number}" for number in range(3)]
    for name in names:
        app.store(name, TALK)
    visitor.open(names[0])
    for number in range(1, 2 * TIMES):
        session_id, text = names[number % 3], f"My dog is called Rex{number}."
        visitor.entry(session_id).click()
        visitor.send(text)
        wait_until_stored(visitor, text, session_id)


BUTTONS = [
    ("Undo turn", "Undo this turn", 2),
    ("Pop item", "Pop this item", 3),
    ("Clear session", "Clear all items", 0),
]


def test_choose_then_press_at_once(app: App, visitor: Visitor) -> None:
    names = [f"pressed {number:02}" for number in range(TIMES + 1)]
    for name in names:
        app.store(name, TALK)
    expected = dict.fromkeys(names, TALK)
    visitor.open(names[0])
    for number, name in enumerate(names[1:]):
        button, confirm, left = BUTTONS[number % 3]
        visitor.entry(name).click()
        visitor.button(button).click()
        visitor.dialog.get_by_role("button", name=confirm, exact=True).click()
        expected[name] = TALK[:left]
        visitor.wait(lambda name=name: app.rows(name) == expected[name])
        assert {name: app.rows(name) for name in names} == expected


def test_back_at_once(app: App, visitor: Visitor) -> None:
    for name in ("way in", "way out"):
        app.store(name, TALK)
    visitor.open("way in")
    for number in range(4):
        visitor.entry("way out").click()
        expect(visitor.heading("way out")).to_be_visible()
        visitor.page.go_back()
        expect(visitor.heading("way in")).to_be_visible()
        visitor.send(f"Back {number}.")
        wait_until_stored(visitor, f"Back {number}.", "way in")


def test_a_message_then_another_session(app: App, visitor: Visitor) -> None:
    """At a person's pace: the message is on its way when the other session is chosen."""
    for name in ("left", "reached"):
        app.store(name, TALK)
    visitor.open("left")
    visitor.send("This is for the one I leave.")
    expect(visitor.questions.last).to_contain_text("This is for the one I leave.")
    visitor.entry("reached").click()
    expect(visitor.heading("reached")).to_be_visible()
    wait_until_stored(visitor, "This is for the one I leave.", "left")


def test_compare_sends_to_the_sessions_that_are_chosen(app: App, visitor: Visitor) -> None:
    names = [f"side {number}" for number in range(3)]
    for name in names:
        app.store(name, TALK)
    visitor.open().open_page("Compare", "One message, two memories")
    visitor.choose("First session", f"{names[0]} · File")
    for number in range(4):
        other, text = names[1 + number % 2], f"For both {number}."
        visitor.choose("Second session", f"{other} · File")
        visitor.send_to_both(text)
        wait_until_stored(visitor, text, names[0], other)


def test_a_double_click_does_it_once(app: App, visitor: Visitor) -> None:
    for name in ("twice", "other"):
        app.store(name, TALK)
    visitor.open("twice")
    visitor.button("My name is Alice and I live in Oslo.").dblclick()
    expect(visitor.labels).to_have_count(1)
    visitor.quiet()
    assert len(app.rows("twice")) == len(TALK) + 2
    expect(visitor.message).to_have_value("")

    visitor.press("Undo turn").get_by_role("button", name="Undo this turn").dblclick()
    expect(visitor.dialog).to_be_hidden()
    visitor.quiet()
    assert app.rows("twice") == TALK
    expect(visitor.page.get_by_role("alert")).to_have_count(0)

    visitor.open_page("Compare", "One message, two memories")
    visitor.choose("First session", "twice · File")
    visitor.choose("Second session", "other · File")
    visitor.button("What is my name?").dblclick()
    expect(visitor.page.get_by_text("Stored by this turn")).to_have_count(2)
    visitor.quiet()
    assert len(app.rows("twice")) == len(app.rows("other")) == len(TALK) + 2
    expect(visitor.page.get_by_role("textbox", name="Message both")).to_have_value("")
