"""A person who uses the app in Chromium. Every wait is for something on the page."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from urllib.parse import quote, urlsplit

from lab_app import App
from playwright.sync_api import BrowserContext, Locator, Page, expect

WAIT = 15_000
"""Milliseconds. A wait ends as soon as what it waits for is there."""
REPLY_LABEL = re.compile(r"\d+ items? stored · ")


class Visitor:
    """What a person does and sees in one tab."""

    def __init__(self, page: Page, app: App) -> None:
        self.page = page
        self.app = app
        self.message = page.get_by_role("textbox", name="Message the agent")
        self.dialog = page.get_by_role("dialog")
        self.stop_button = page.get_by_role("button", name="Stop", exact=True)
        self.replies = page.get_by_role("group", name="Chat message from assistant")
        self.questions = page.get_by_role("group", name="Chat message from user")
        self.labels = page.get_by_text(REPLY_LABEL)
        self.sidebar = page.get_by_test_id("stSidebar")

    def open(self, session_id: str | None = None) -> Visitor:
        address = "" if session_id is None else f"/?session={quote(session_id, safe='')}"
        self.page.goto(self.app.url + address)
        expect(self.message).to_be_visible(timeout=2 * WAIT)
        return self.settled()

    def settled(self) -> Visitor:
        """Wait until the script has drawn the page."""
        state = self.page.get_by_test_id("stApp")
        expect(state).to_have_attribute("data-test-script-state", "notRunning", timeout=2 * WAIT)
        return self

    def quiet(self) -> None:
        """Wait until no script has run for a moment: an open list closes when the page is drawn."""
        self.page.evaluate("window.quietSince = undefined")
        self.page.wait_for_function(
            """() => {
                const app = document.querySelector('[data-testid=stApp]')
                const now = performance.now()
                if (app.dataset.testScriptState !== 'notRunning') window.quietSince = undefined
                else window.quietSince ??= now
                return now - window.quietSince > 300
            }"""
        )

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def send(self, text: str) -> None:
        self.message.fill(text)
        self.message.press("Enter")

    def say(self, text: str) -> None:
        """Send a message and wait for the whole reply."""
        before = self.labels.count()
        self.send(text)
        expect(self.labels).to_have_count(before + 1)
        self.settled()

    def create(self, session_id: str, storage: str = "File") -> None:
        self.button("New session").click()
        self.dialog.get_by_role("textbox", name="Session ID").fill(session_id)
        self.dialog.get_by_text(storage, exact=True).click()
        self.dialog.get_by_role("button", name="Create").click()
        expect(self.dialog).to_be_hidden()
        expect(self.heading(session_id)).to_be_visible()
        self.settled()

    def wait(self, until: Callable[[], object]) -> None:
        """Wait for something that is not on the page, such as rows in the file."""
        deadline = time.monotonic() + 2 * WAIT / 1000
        while not until():
            assert time.monotonic() < deadline
            self.page.wait_for_timeout(20)

    def entry(self, title: str, exact: bool = True) -> Locator:
        """A session in the list."""
        return self.sidebar.get_by_role("radiogroup").get_by_text(title, exact=exact)

    def heading(self, title: str) -> Locator:
        return self.page.get_by_role("heading", level=4).filter(has_text=title)

    def press(self, name: str) -> Locator:
        """Press a button that opens a dialog; returns the dialog."""
        self.button(name).click()
        expect(self.dialog).to_be_visible()
        self.settled()
        return self.dialog

    def menu(self, name: str) -> Locator:
        self.button("More").click()
        self.page.get_by_role("menuitem", name=name).click()
        expect(self.dialog).to_be_visible()
        self.settled()
        return self.dialog

    def close_dialog(self) -> None:
        # Escape is for what has the focus, which comes to a dialog a moment after its picture.
        expect(self.page.locator("[role=dialog]:focus, [role=dialog] :focus")).to_have_count(1)
        self.page.keyboard.press("Escape")
        expect(self.dialog).to_be_hidden()
        self.settled()

    def open_page(self, link: str, heading: str) -> Visitor:
        """Go to another page by its link at the top."""
        self.page.get_by_role("link", name=link).click()
        expect(self.page.get_by_role("heading").filter(has_text=heading).first).to_be_visible()
        return self.settled()

    def send_to_both(self, text: str) -> None:
        both = self.page.get_by_role("textbox", name="Message both")
        both.fill(text)
        both.press("Enter")

    def confirm(self, name: str) -> None:
        """Press a dialog's button and wait until the dialog is gone."""
        self.dialog.get_by_role("button", name=name, exact=True).click()
        expect(self.dialog).to_be_hidden()
        self.settled()

    def choose(self, label: str, option: str) -> None:
        self.quiet()
        box = self.page.get_by_role("combobox", name=label, exact=True)
        box.click()
        self.page.get_by_role("option", name=option, exact=True).click()
        expect(box).to_have_value(option)  # Before that, the script does not run yet.
        # The list gives the focus back when it is gone; a list that is opened before that closes.
        expect(self.page.get_by_role("listbox")).to_have_count(0)
        expect(box).to_be_focused()
        self.settled()

    def tab_button(self, name: str) -> Locator:
        return self.page.get_by_role("tab", name=name)

    def tab(self, name: str) -> Locator:
        self.tab_button(name).click()
        self.settled()
        return self.page.get_by_role("tabpanel", name=name)


class Tabs:
    """Opens a test's tabs, and remembers what their pages asked for and complained of."""

    def __init__(self, context: BrowserContext, app: App) -> None:
        self._context = context
        self._app = app
        self.elsewhere: set[str] = set()
        """What was asked of other machines."""
        self.errors: list[str] = []

    def open(self, width: int = 1280, height: int = 800) -> Visitor:
        """A new tab; the app knows it from the others by its connection alone."""
        page = self._context.new_page()
        page.set_viewport_size({"width": width, "height": height})
        page.on("request", lambda request: self._note(request.url))
        page.on("websocket", lambda socket: self._note(socket.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        return Visitor(page, self._app)

    def _note(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.hostname != "localhost":
            self.elsewhere.add(url)

    def close(self) -> None:
        """Close the tabs, and tell what none of them may have done.

        Raises:
            AssertionError: one asked another machine, failed in JavaScript or showed a traceback.
        """
        pages = self._context.pages
        tracebacks = [page.get_by_test_id("stException").all_inner_texts() for page in pages]
        for page in pages:
            page.close()
        assert not self.elsewhere
        assert not self.errors
        assert not any(tracebacks), tracebacks
