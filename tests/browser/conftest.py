"""Fixtures of the browser tests: one app with one database for all, a Chromium for each file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lab_app import App
    from playwright.sync_api import BrowserContext
    from visitor import Tabs, Visitor

FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    # No name but localhost is found, so nothing leaves this machine even if a page asks for it.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",
)


# Each test has sessions of its own names, so that they can share the app.
@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    from lab_app import App

    app = App(tmp_path_factory.mktemp("app"))
    app.start()
    yield app
    app.stop()
    log = app.log.read_text()
    # Streamlit's server may trip over a connection that is closed as it ends, which is not ours.
    ours = [sign for sign in ("Uncaught app execution", "/session_lab/") if sign in log]
    assert not ours, f"The app's terminal shows an error:\n{log}"


# Not for the whole run: Playwright keeps an event loop running in this thread while it is open, and
# the tests of other files start their own.
@pytest.fixture(scope="module")
def context(need: Callable[[object, str], None]) -> Iterator[BrowserContext]:
    """A browser that keeps what it loaded, so that a test opens the app quickly."""
    from playwright.sync_api import expect, sync_playwright
    from visitor import WAIT

    path = shutil.which("chromium")
    need(path, "Chromium: apt-get install chromium")
    as_root = ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
    expect.set_options(timeout=WAIT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *as_root])
        context = browser.new_context(color_scheme="light")
        context.set_default_timeout(WAIT)
        yield context
        browser.close()


@pytest.fixture
def tabs(context: BrowserContext, app: App) -> Iterator[Tabs]:
    from visitor import Tabs

    tabs = Tabs(context, app)
    yield tabs
    tabs.close()


@pytest.fixture
def visitor(tabs: Tabs) -> Visitor:
    return tabs.open()
