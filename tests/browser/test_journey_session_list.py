"""Which session is open: the list, the search, names as typed, and the address."""

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


def test_names_show_as_typed_everywhere(app: App, visitor: Visitor) -> None:
    visitor.open()
    heading = visitor.page.get_by_role("heading", level=4)
    for name in NAMES:
        visitor.button("New session").click()
        visitor.dialog.get_by_role("textbox", name="Session ID").fill(name)
        visitor.confirm("Create")
        expect(heading).to_contain_text(name if len(name) <= 60 else f"{name[:59]}…")
        listed = name if len(name) <= 40 else f"{name[:39]}…"
        expect(visitor.sidebar.get_by_text(listed, exact=True)).to_be_visible()
        visitor.say("Hello.")
        assert app.kinds(name) == ["user", "assistant"]


@pytest.mark.parametrize("name", NAMES[:2])
def test_session_with_any_name_is_renamed_and_found_again(
    app: App, visitor: Visitor, name: str
) -> None:
    session_id = f"renamed {name}"
    app.store(session_id, TALK)
    visitor.open(session_id)
    visitor.menu("Rename").get_by_role("textbox", name="Title").fill(f"T {name}")
    visitor.confirm("Rename")
    heading = visitor.page.get_by_role("heading", level=4)
    expect(heading).to_contain_text(f"T {name[:45]}")
    visitor.page.reload()
    expect(heading).to_contain_text(f"T {name[:45]}")
    expect(visitor.questions).to_have_count(1)
    assert app.rows(session_id) == TALK


def test_what_is_not_allowed_is_said_before_anything_is_made(app: App, visitor: Visitor) -> None:
    visitor.open()
    visitor.press("New session")
    visitor.dialog.get_by_role("button", name="Create").click()
    expect(visitor.dialog.get_by_text("Type a session ID")).to_be_visible()
    assert app.rows("") == []


def test_existing_id_is_opened_and_not_overwritten(app: App, visitor: Visitor) -> None:
    app.store("exists", TALK)
    visitor.open()
    visitor.button("New session").click()
    visitor.dialog.get_by_role("textbox", name="Session ID").fill("exists")
    visitor.confirm("Create")
    expect(visitor.page.get_by_text("exists already")).to_be_visible()
    expect(visitor.questions).to_have_count(1)
    assert app.rows("exists") == TALK


def test_find_by_title_id_and_text(app: App, visitor: Visitor) -> None:
    app.store("user_found", TALK)
    app.store("user_other", [user("I like tea."), assistant("Noted.")])
    visitor.open("user_found")
    find = visitor.page.get_by_role("textbox", name="Find a session")
    found = visitor.entry("user_found")
    other = visitor.entry("user_other")
    for search in ("REX", "ser_fou"):
        find.fill(search)
        find.press("Enter")
        expect(other).to_be_hidden()
        expect(found).to_be_visible()
    find.fill("nowhere to be found")
    find.press("Enter")
    expect(visitor.sidebar.get_by_text("No session contains")).to_be_visible()
    find.fill("")
    find.press("Enter")
    expect(other).to_be_attached()


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


def test_link_to_no_session_says_so(visitor: Visitor) -> None:
    visitor.open("never made")
    expect(visitor.page.get_by_text("There is no session never made")).to_be_visible()
    expect(visitor.button("Send message")).to_be_visible()


def test_session_that_another_tab_deletes_is_not_brought_back(app: App, tabs: Tabs) -> None:
    app.store("short-lived", TALK)
    first, second = tabs.open().open("short-lived"), tabs.open().open("short-lived")
    first.menu("Delete")
    first.confirm("Delete session")
    second.send("What's my dog's name?")
    expect(second.heading("short-lived")).to_be_hidden()
    second.settled()
    assert app.rows("short-lived") == []


def test_list_is_paged(app: App, visitor: Visitor) -> None:
    for number in range(35):
        app.store(f"many_{number:02}", TALK)
    visitor.open("many_00")
    find = visitor.page.get_by_role("textbox", name="Find a session")
    find.fill("many_")
    find.press("Enter")
    entries = visitor.entry("many_", exact=False)
    expect(entries).to_have_count(30)
    first_page = set(entries.all_inner_texts())
    visitor.sidebar.get_by_role("button", name="Page 2").click()
    expect(entries).to_have_count(5)
    assert not first_page & set(entries.all_inner_texts())


def test_long_session_shows_its_end_and_the_rest_on_demand(app: App, visitor: Visitor) -> None:
    items = [user(f"Message {number}") for number in range(3000)]
    app.store("long", [*items, assistant("The end.")])
    visitor.open("long")
    expect(visitor.page.get_by_text("The end.", exact=True)).to_be_visible()
    expect(visitor.questions).to_have_count(39)
    visitor.page.get_by_role("button", name="Show earlier items").click()
    expect(visitor.questions).to_have_count(79)
    dialog = visitor.press("Clear session")
    expect(dialog.get_by_text("All 3,001 items")).to_be_visible()
    visitor.confirm("Clear all items")
    assert app.rows("long") == []


def expect_choices(visitor: Visitor, agent: str, memory: str, n: str) -> None:
    for label, option in (("Agent", agent), ("Memory", memory)):
        expect(visitor.page.get_by_role("combobox", name=label, exact=True)).to_have_value(option)
    expect(visitor.page.get_by_role("spinbutton", name="N (stored")).to_have_value(n)


def test_choices_outlive_a_reload_another_page_and_another_session(
    app: App, visitor: Visitor
) -> None:
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
    expect_choices(visitor, "Support", "Last N turns", "3")

    visitor.entry("chosen then").click()
    expect(visitor.heading("chosen then")).to_be_visible()
    visitor.settled()
    for page, sign in (("Compare", "One message, two memories"), ("Chat", "chosen then")):
        visitor.page.get_by_role("link", name=page).click()
        expect(visitor.heading(sign)).to_be_visible()
        visitor.settled()
    expect_choices(visitor, "Support", "Last N turns", "3")
    visitor.page.reload()
    expect_choices(visitor, "Support", "Last N turns", "3")
    visitor.say("What's my dog's name?")
    expect(visitor.replies.last).to_contain_text("Support")
    assert app.kinds("chosen then") == ["user", "assistant"] * 2
