"""What a restart leaves: of the server's process, and of the sessions inside the app."""

from __future__ import annotations

import pytest
from lab_app import App
from playwright.sync_api import expect
from visitor import Tabs, Visitor

pytestmark = pytest.mark.browser


def test_file_session_survives_the_end_of_the_server(app: App, tabs: Tabs) -> None:
    visitor = tabs.open().open()
    visitor.create("in memory", "Memory")
    visitor.say("I live in Rome.")
    visitor.create("in the file")
    visitor.say("I live in Oslo.")
    expect(visitor.entry("in memory")).to_be_visible()
    visitor.page.close()

    app.restart_server()

    visitor = tabs.open().open("in the file")
    expect(visitor.replies.last).to_contain_text("Assistant · 2 items stored")
    visitor.say("Where do I live?")
    expect(visitor.replies.last).to_contain_text("Oslo")
    expect(visitor.entry("in memory")).to_be_hidden()
    assert len(app.rows("in the file")) == 4
    assert app.rows("in memory") == []


def test_restart_in_the_app_asks_and_names_what_is_lost(app: App, visitor: Visitor) -> None:
    visitor.open()
    visitor.create("fleeting", "Memory")
    visitor.say("I work as a developer.")
    visitor.create("lasting")
    visitor.say("I work as a nurse.")

    dialog = visitor.menu("Restart")
    expect(dialog.get_by_text("fleeting: 2 items will go")).to_be_visible()
    visitor.confirm("Restart now")

    expect(visitor.page.get_by_text("Restarted:")).to_contain_text("1 memory session gone")
    expect(visitor.entry("fleeting")).to_be_hidden()
    visitor.say("What's my job?")
    expect(visitor.replies.last).to_contain_text("nurse")
    assert len(app.rows("lasting")) == 4


def test_question_that_a_crash_left_is_found_after_it(app: App, tabs: Tabs) -> None:
    app.store("crashed", [{"role": "user", "content": "What city is the Golden Gate Bridge in?"}])
    visitor = tabs.open().open("crashed")
    expect(visitor.page.get_by_text("stored without an answer")).to_be_visible()
    visitor.button("Retry").click()
    expect(visitor.labels).to_have_count(1)
    expect(visitor.replies.last).to_contain_text("San Francisco")
    assert app.kinds("crashed") == ["user", "assistant"]
