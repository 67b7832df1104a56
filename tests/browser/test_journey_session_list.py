"""Which session is open: names as typed, the address and Back, and choices that stay."""

from __future__ import annotations

import pytest
from lab_app import App, assistant, user
from playwright.sync_api import expect
from visitor import Tabs, Visitor

pytestmark = pytest.mark.browser
TALK = [user("My dog's name is Rex."), assistant("Noted.")]
NAMES = (
    "<b>bold</b> & <img src=x onerror=alert(1)>",
    "**stars** _under_ `code` [link](https://example.com) ![i](https://example.com/i.png)",
    "../../etc/passwd",
    "\"quoted\" and 'single'",
    "👩‍👩‍👧 :smile: :red[red] $x^2$",
    "# heading --- ~~gone~~",
)


def test_any_name_shows_as_typed_in_the_list_and_above_the_conversation(
    app: App, visitor: Visitor
) -> None:
    for name in NAMES:
        app.store(name, TALK)
    visitor.open(NAMES[0])
    for name in NAMES:
        visitor.entry(name if len(name) <= 40 else f"{name[:22]}…{name[-17:]}").click()
        expect(visitor.heading(name if len(name) <= 60 else f"{name[:59]}…")).to_be_visible()
        visitor.settled()
        expect(visitor.questions).to_have_count(1)


def test_link_reload_and_back(app: App, visitor: Visitor) -> None:
    for name in ("first one", "second one"):
        app.store(name, [user(f"I am in the {name}."), assistant("Noted.")])
    page = visitor.open("first one").page
    expect(visitor.questions).to_contain_text("I am in the first one.")
    visitor.entry("second one").click()
    expect(visitor.questions).to_contain_text("I am in the second one.")
    assert "session=second" in page.url
    page.reload()
    expect(visitor.questions).to_contain_text("I am in the second one.")
    visitor.settled()
    page.go_back()
    expect(visitor.questions).to_contain_text("I am in the first one.")
    page.go_forward()
    expect(visitor.questions).to_contain_text("I am in the second one.")


def test_choices_outlive_a_reload_another_page_and_another_session(
    app: App, visitor: Visitor
) -> None:
    def expect_choices() -> None:
        for label, option in (("Agent", "Support"), ("Memory", "Last N turns")):
            box = visitor.page.get_by_role("combobox", name=label, exact=True)
            expect(box).to_have_value(option)
        expect(visitor.page.get_by_role("spinbutton", name="N (stored")).to_have_value("3")

    for name in ("chosen in", "chosen then"):
        app.store(name, TALK)
    visitor.open("chosen in")
    visitor.choose("Agent", "Support")
    visitor.choose("Memory", "Last N turns")
    n = visitor.page.get_by_role("spinbutton", name="N (stored turns sent)")
    n.fill("3")
    n.press("Enter")
    visitor.settled()
    visitor.page.reload()
    expect_choices()

    visitor.entry("chosen then").click()
    expect(visitor.heading("chosen then")).to_be_visible()
    visitor.settled()
    visitor.open_page("Compare", "One message, two memories")
    visitor.page.get_by_role("radio", name="Recall").click()
    expect(visitor.button("Run")).to_be_visible()
    visitor.settled().open_page("Chat", "chosen then")
    expect_choices()
    visitor.open_page("Compare", "One conversation, four memories").open_page("Chat", "chosen then")
    visitor.page.reload()
    expect_choices()
    visitor.say("What's my dog's name?")
    expect(visitor.replies.last).to_contain_text("Support")


def test_sessions_whose_names_are_cut_alike_stay_apart(app: App, visitor: Visitor) -> None:
    start = "customer_support_chat_about_orders_and_refunds"
    names = [f"{start}_with_{who}_in_the_year_2026" for who in ("anna", "bert")]
    for name in names:
        app.store(name, TALK)
    visitor.open(names[0]).say("Said to Anna.")
    entries = visitor.sidebar.locator("label", has_text="customer_support_chat_")
    expect(entries).to_have_count(2)
    entries.and_(visitor.page.locator(":has(input:not(:checked))")).click()
    expect(visitor.heading("_with_bert")).to_be_visible()
    visitor.settled().say("Said to Bert.")
    assert app.sessions_with("Said to Anna.") == [names[0]]
    assert app.sessions_with("Said to Bert.") == [names[1]]
    visitor.menu("Delete")
    expect(visitor.dialog).to_contain_text("_with_bert")


def test_a_renamed_session_stays_open_in_every_tab(app: App, tabs: Tabs) -> None:
    app.store("to_be_renamed", TALK)
    here, there = tabs.open().open("to_be_renamed"), tabs.open().open("to_be_renamed")
    there.say("Before.")
    here.menu("Rename").get_by_role("textbox", name="Title").fill("with_a_title")
    here.confirm("Rename")
    expect(here.sidebar.get_by_role("radio", checked=True)).to_have_count(1)
    for turns, visitor in enumerate((here, there, here, there), 2):
        visitor.send(f"Turn {turns}.")
        expect(visitor.labels).to_have_count(turns)
        visitor.settled()
        expect(visitor.heading("with_a_title")).to_be_visible()
        expect(visitor.sidebar.get_by_role("radio", checked=True)).to_have_count(1)
        expect(visitor.page.get_by_role("alert")).to_have_count(0)
        assert app.sessions_with(f"Turn {turns}.") == ["to_be_renamed"]
