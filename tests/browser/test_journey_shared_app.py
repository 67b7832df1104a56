"""The app to share, from 7.3's README: two people log in, and try to read each other's messages.

The provider of their accounts is a real OpenID Connect server on loopback.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
import readme_checks
from lab_app import ROOT, App
from oidc_provider_mock import run_server_in_thread
from playwright.sync_api import Browser, BrowserContext, Page, expect

pytestmark = pytest.mark.browser
README = ROOT / "7_3_multi_sessions" / "README.md"
COOKIE = "_streamlit_user"
NAME, QUESTION = "My name is Ann.", "What is my name?"


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with run_server_in_thread() as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, provider: str) -> Iterator[App]:
    """The program in a folder of its own, with the settings that the README shows."""
    folder = tmp_path_factory.mktemp("shared")
    script = folder / "shared_app.py"
    script.write_text(readme_checks.programs(README)[script.name], encoding="utf-8")
    shutil.copytree(ROOT / ".streamlit", folder / ".streamlit")
    (folder / "session_lab").symlink_to(ROOT / "session_lab")
    app = App(folder, script)
    [settings] = [each.text for each in readme_checks.blocks(README) if each.language == "toml"]
    settings = settings.replace("https://chat.example.org", app.url)
    settings = settings.replace("https://accounts.example.org", provider)
    (folder / ".streamlit" / "secrets.toml").write_text(settings, encoding="utf-8")
    app.start()
    yield app
    app.stop()
    assert "Traceback" not in app.log.read_text()


class Person:
    """Somebody with an account and a browser of their own."""

    def __init__(self, browser: Browser, app: App, account: str) -> None:
        self.app, self.account = app, account
        self.context: BrowserContext = browser.new_context()
        self.page: Page = self.context.new_page()
        self.log_in_button = self.page.get_by_role("button", name="Log in")
        self.message = self.page.get_by_role("textbox", name="Message")
        self.said = self.page.get_by_test_id("stChatMessage")

    def open(self, address: str = "/") -> None:
        """Go to an address, and wait until the page is drawn."""
        self.page.goto(self.app.url + address)
        self.settled()

    def settled(self) -> None:
        expect(self.log_in_button.or_(self.message)).to_be_visible()
        state = self.page.get_by_test_id("stApp")
        expect(state).to_have_attribute("data-test-script-state", "notRunning")

    def log_in(self) -> None:
        self.open()
        self.log_in_button.click()
        self.page.get_by_placeholder("sub").fill(self.account)
        self.page.get_by_role("button", name="Authorize").click()
        expect(self.message).to_be_visible()
        self.settled()

    def say(self, text: str, messages: int) -> None:
        """Send a message, and wait until so many messages are shown."""
        self.message.fill(text)
        self.message.press("Enter")
        expect(self.said).to_have_count(messages)
        self.settled()

    def sees(self) -> list[str]:
        return self.said.all_inner_texts()

    def session_id(self, provider: str, chat: str = "first") -> str:
        account = hashlib.sha256(f"{provider} {self.account}".encode()).hexdigest()
        return f"{account}:{chat}"


@pytest.fixture
def people(context: BrowserContext, shared: App) -> Iterator[list[Person]]:
    assert context.browser is not None
    people = [Person(context.browser, shared, name) for name in ("ann", "bob")]
    yield people
    for person in people:
        person.context.close()
    (shared.script.parent / "shared.db").unlink(missing_ok=True)


def test_who_is_not_logged_in_sees_a_button_and_stores_nothing(
    people: list[Person], shared: App
) -> None:
    visitor, _ = people
    for address in ("/", "/?chat=first"):
        visitor.open(address)
        expect(visitor.log_in_button).to_be_visible()
        assert visitor.message.count() == visitor.said.count() == 0
    assert not (shared.script.parent / "shared.db").exists()


def test_two_people_try_to_read_each_other_s_conversation(
    people: list[Person], shared: App, provider: str
) -> None:
    ann, bob = people
    for person in people:
        person.log_in()
    ann.say(NAME, 2)
    ann.say(QUESTION, 4)
    assert "My name is Ann." in ann.sees()[3]
    hers = ann.session_id(provider)
    for number, address in enumerate(["/?chat=first", f"/?chat={hers}", f"/?chat=x/../{hers}"]):
        bob.open(address)
        assert bob.sees() == []
        bob.say(QUESTION, 2)
        assert "Nothing in the 1 item" in bob.sees()[1], number
    bob.open(ann.page.url.removeprefix(shared.url))
    assert "Ann" not in str(bob.sees())

    ann.open()  # Hers is as she left it, also when the app is started again.
    assert len(ann.sees()) == 4
    shared.stop()
    shared.start()
    ann.open()
    assert len(ann.sees()) == 4
    with closing(sqlite3.connect(shared.script.parent / "shared.db")) as database:
        rows = database.execute("SELECT DISTINCT session_id FROM agent_messages").fetchall()
    names = ["first", hers, f"x/../{hers}"]
    assert {row[0] for row in rows} == {hers, *(bob.session_id(provider, n) for n in names)}


def test_a_changed_cookie_or_a_logout_ends_the_login(people: list[Person], provider: str) -> None:
    ann, bob = people
    for person in people:
        person.log_in()
    ann.say(NAME, 2)
    [hers], [his] = (
        [cookie for cookie in person.context.cookies() if cookie["name"] == COOKIE]
        for person in people
    )
    # The account of one with the signature of the other.
    value = ".".join([hers["value"].rpartition(".")[0], his["value"].rpartition(".")[2]])
    assert value not in (hers["value"], his["value"])
    bob.context.add_cookies([{**his, "value": value}])
    bob.open()
    expect(bob.log_in_button).to_be_visible()
    ann.page.get_by_role("button", name="Log out").click()
    expect(ann.page).to_have_url(re.compile(f"{provider}/oauth2/end_session"))
    ann.open()
    expect(ann.log_in_button).to_be_visible()
    assert ann.sees() == bob.sees() == []
