"""A database whose every value asks for a picture: shown on every page, and nothing is fetched."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from lab_app import App
from playwright.sync_api import Locator, expect
from visitor import Visitor

from session_lab.history.items import user_item
from session_lab.pages.session_choice import LISTED
from session_lab.store.catalog import Catalog

pytestmark = pytest.mark.browser


def lure(field: str) -> str:
    """Markdown that would fetch two pictures. The path tells in which field it was drawn."""
    return f"![i](https://evil.example/{field}) <img src='https://evil.example/{field}'>"


def items() -> list[Any]:
    """Items of every kind, and some of no kind, with a lure in every field that may hold text."""
    text_part = {"type": "output_text", "text": lure("part"), "annotations": [lure("note")]}
    call = {"type": "function_call", "name": lure("name"), "arguments": lure("arguments")}
    output = {"type": "function_call_output", "call_id": lure("call"), "id": lure("out-id")}
    summary = {"type": "summary_text", "text": lure("summary")}
    return [
        {"role": "user", "content": lure("user"), lure("key"): lure("value")},
        {"role": "assistant", "content": lure("assistant")},
        {"role": "assistant", "content": [text_part], "id": lure("id"), "status": lure("status")},
        {"role": "user", "content": [{"type": "input_text", "text": lure("input")}]},
        {**call, "call_id": lure("call"), "status": lure("status")},
        {**output, "output": lure("output")},
        {**call, "call_id": lure("parts-call")},
        {**output, "call_id": lure("parts-call"), "output": [{"type": lure("output-part")}]},
        {"type": "reasoning", "id": lure("reasoning-id"), "summary": [summary]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": lure("refusal")}]},
        {"role": "system", "content": lure("system")},
        {"role": "user", "content": [{"type": lure("part-type")}]},
        {"type": lure("type"), "content": lure("typed")},
        {"type": lure("other-type"), "action": {"query": lure("query")}},
        {"role": lure("role"), "content": lure("said")},
    ]


# What one row of each table would hold if another program had written it.
SESSION = (
    "INSERT OR REPLACE INTO agent_sessions (session_id, created_at, updated_at) VALUES (?,?,?)"
)
MESSAGE = "INSERT INTO agent_messages (session_id, message_data, created_at) VALUES (?,?,?)"
LAB_SESSION = "INSERT OR REPLACE INTO lab_sessions VALUES (?,?,?,?,?,?)"
LAB_TURN = "INSERT INTO lab_turns SELECT session_id, id, ? FROM agent_messages WHERE id = ?"
REPORT: dict[str, Any] = {
    "version": 3,
    "policy": {"kind": "Everything", "n": 1},
    "input_tokens": 10,
    "output_tokens": 5,
    "estimated": True,
    "seconds": 0.1,
}


def fill(app: App, session_id: str) -> None:
    """Write a session as no program should: every column of every table holds a lure."""
    Catalog(app.db_path)  # The lab's own tables.
    names = ("title", "storage", "forked_from", "forked_items", "touched_at")
    with closing(sqlite3.connect(app.db_path, timeout=5)) as database, database:
        for table in ("agent_sessions", "lab_sessions", "lab_turns"):
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
            if table == "agent_sessions" and "extra" not in columns:
                database.execute(f"ALTER TABLE {table} ADD COLUMN extra TEXT")
        database.execute(SESSION, (session_id, lure("created"), lure("updated")))
        database.execute("UPDATE agent_sessions SET extra = ?", (lure("extra"),))
        database.execute(LAB_SESSION, (session_id, *(lure(name) for name in names)))
        data = [*map(json.dumps, items()), lure("no-json"), json.dumps([lure("list")])]
        rows = [
            database.execute(MESSAGE, (session_id, text, lure("row-created"))).lastrowid or 0
            for text in data
        ]
        calls = [{"agent": lure("called"), "runs": [(rows[0], lure("reason"), 1)]}]
        told = {"agent": lure("agent"), "stored": rows[:2], "calls": calls}
        reports = {
            rows[0]: json.dumps({**REPORT, **told}),
            rows[2]: json.dumps({name: lure(f"report-{name}") for name in {**REPORT, **told}}),
            rows[9]: lure("no-report"),
        }
        for row, report in reports.items():
            database.execute(LAB_TURN, (report, row))


def unfold(visitor: Visitor, place: Locator) -> None:
    """Open three folded parts, the last first: what opens moves only what is below."""
    parts = place.locator("[data-testid=stExpander] summary")
    expect(parts.first).to_be_visible()
    for part in parts.all()[2::-1]:
        part.click()
        visitor.settled()


def test_lures_in_chat_are_shown_sent_and_forked(app: App, visitor: Visitor) -> None:
    session_id = lure("session")
    fill(app, session_id)
    visitor.open(session_id)
    conversation = visitor.page.locator(".st-key-conversation")
    unfold(visitor, conversation)
    expect(conversation.get_by_text("![i](https://evil.example/role)").first).to_be_visible()
    unfold(visitor, visitor.tab("Memory"))
    for button in ("Add item", "Edit", "Fork from here"):
        visitor.page.get_by_role("button", name=button, exact=True).first.click()
        expect(visitor.dialog).to_be_visible()
        visitor.settled()
        visitor.close_dialog()
    for name in ("Memory", "Code", "Database"):
        visitor.tab(name)
    for button in ("Undo turn", "Pop item", "Clear session", "New session"):
        visitor.press(button)
        visitor.close_dialog()
    for entry in ("Rename", "Fork", "Export", "Delete", "Restart"):
        visitor.menu(entry)
        visitor.close_dialog()
    visitor.say(f"My name is {lure('message')}.")
    visitor.say("What is my name?")
    for name in ("Memory", "Code", "Database"):
        visitor.tab(name)
    visitor.menu("Fork")
    visitor.dialog.get_by_role("textbox", name="Session ID").fill(lure("fork"))
    visitor.confirm("Fork")
    expect(visitor.page.get_by_text("fork of")).to_be_visible()
    visitor.open(lure("missing"))
    expect(visitor.page.get_by_text("There is no session")).to_be_visible()


def test_lures_in_an_imported_file(app: App, visitor: Visitor) -> None:
    good = [item for item in items() if item.get("role") != lure("role")]
    file = {"format": "openai-agents-session", "version": 1, "title": lure("title")}
    file |= {"session_id": lure("session"), "items": good}
    broken = [
        {**file, "version": lure("version")},
        {**file, "items": [{"role": lure("role"), "content": "x"}]},
        {**file, "items": [lure("no-item")]},
        {**file, "items": [{"type": "function_call", "call_id": "c", "name": 1}]},
    ]
    visitor.open()

    def upload(content: dict[str, Any]) -> None:
        name = "![i](x).json"
        data = json.dumps(content).encode()
        chosen = {"name": name, "mimeType": "application/json", "buffer": data}
        visitor.menu("Import").locator("input[type=file]").set_input_files(chosen)

    for content in broken:
        upload(content)
        expect(visitor.dialog.get_by_role("alert")).to_be_visible()
        visitor.close_dialog()
    upload(file)
    expect(visitor.dialog.get_by_text(f"holds {len(good)} items")).to_be_visible()
    new_id_field = visitor.dialog.get_by_role("textbox", name="Session ID")
    expect(new_id_field).not_to_have_value("")
    new_id = new_id_field.input_value()
    visitor.confirm("Import as a new session")
    expect(visitor.page.locator(".st-key-conversation")).to_contain_text(
        "https://evil.example/type"
    )
    assert app.rows(new_id) == good


def test_lures_on_the_pages_compare_and_lessons(app: App, visitor: Visitor) -> None:
    for name in ("first", "second"):
        fill(app, lure(name))
    for number in range(LISTED):  # So many that a search is offered.
        app.store(f"one of {number}", [user_item("Hi.")])
    visitor.open()
    visitor.open_page("Compare", "One message, two memories")
    search = visitor.page.get_by_role("textbox", name="Find a session")
    search.fill("evil.example/user")
    search.press("Enter")
    visitor.settled()
    for label in ("First session", "Second session"):
        visitor.quiet()  # A list that is opened while another closes closes, too.
        visitor.page.get_by_role("combobox", name=label, exact=True).click()
        visitor.page.get_by_role("option", name=f"{label.split()[0].lower()})").first.click()
        visitor.settled()
    for mode, memories in (("Two sessions", 0), ("Two memory policies", 2)):
        visitor.page.get_by_text(mode, exact=True).click()
        copies = visitor.page.get_by_role("combobox", name="Memory of copy")
        expect(copies).to_have_count(memories)
        visitor.settled()
        visitor.send_to_both(lure("both"))
        expect(visitor.page.get_by_role("heading", name="Isolation, from the rows")).to_be_visible()
        expect(visitor.page.get_by_text("Stored by this turn")).to_have_count(2)
        visitor.settled()
    visitor.open_page("Lessons", "7.1 Basic sessions")
    for lesson in ("7.1", "7.2", "7.3"):
        visitor.page.get_by_role("radio", name=lesson).click()
        visitor.settled()
        visitor.tab_button("Exercise").click()
        visitor.settled()
        if lesson == "7.2":
            visitor.page.get_by_role("textbox", name="City").fill("![i](x)")
            visitor.page.get_by_role("textbox", name="City").press("Tab")
            visitor.settled()
        visitor.button("Check").click()
        expect(visitor.page.get_by_text("what the rows say")).to_be_visible()
