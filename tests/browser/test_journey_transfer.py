"""What leaves the lab and comes back: exported sessions, and the clicks as a program."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from lab_app import ROOT, App, assistant, tool_turn, user
from playwright.sync_api import expect
from visitor import Visitor

pytestmark = pytest.mark.browser
ITEMS = [*tool_turn("How many days?", "59 days."), user("Ich heiße Jürgen 🎈"), assistant("Ah.")]


def downloaded(visitor: Visitor, button: str, folder: Path) -> Path:
    with visitor.page.expect_download() as download:
        visitor.button(button).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def run_python(path: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, str(path)],
        cwd=path.parent,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_export_and_import_give_the_same_items(app: App, visitor: Visitor, tmp_path: Path) -> None:
    app.store("to export", ITEMS)
    visitor.open("to export").menu("Export")
    path = downloaded(visitor, "Download JSON", tmp_path)
    visitor.page.keyboard.press("Escape")
    expect(visitor.dialog).to_be_hidden()

    visitor.menu("Import").locator("input[type=file]").set_input_files(path)
    expect(visitor.dialog.get_by_text("holds 6 items")).to_be_visible()
    visitor.dialog.get_by_role("textbox", name="Session ID").fill("imported")
    visitor.dialog.get_by_role("textbox", name="Session ID").press("Tab")
    visitor.settled()
    visitor.confirm("Import as a new session")
    expect(visitor.replies.last).to_contain_text("Ah.")
    assert app.rows("imported") == ITEMS == app.rows("to export")


def test_broken_file_is_refused_with_a_reason(visitor: Visitor) -> None:
    visitor.open()
    files = {b"{not json": "JSON", b'{"format": "something else"}': "export", b"\xff\xfe\x00": ""}
    for content, message in files.items():
        upload = {"name": "broken.json", "mimeType": "application/json", "buffer": content}
        visitor.menu("Import").locator("input[type=file]").set_input_files(upload)
        alert = visitor.dialog.get_by_role("alert")
        expect(alert).to_be_visible()
        expect(alert).to_contain_text(message)
        expect(visitor.button("Import as a new session")).to_be_hidden()
        visitor.page.keyboard.press("Escape")
        expect(visitor.dialog).to_be_hidden()


def test_script_rebuilds_the_session_in_an_empty_folder(
    app: App, visitor: Visitor, tmp_path: Path
) -> None:
    visitor.open()
    visitor.create("as_a_script")
    visitor.say("My name is Alice.")
    visitor.say("How many days from 2026-01-01 to 2026-03-01?")
    visitor.press("Pop item")
    visitor.confirm("Pop this item")
    visitor.choose("Memory", "Last N turns")
    visitor.say("What's my name?")
    visitor.tab("Code")
    expect(visitor.page.get_by_text("One program with 5 actions")).to_be_visible()
    lines = run_python(downloaded(visitor, "Download as script", tmp_path))

    def lasting(items: list[dict[str, object]]) -> list[object]:
        return [{**item, "call_id": ""} if "call_id" in item else item for item in items]

    assert lasting([json.loads(line) for line in lines]) == lasting(app.rows("as_a_script"))


def test_snippet_runs_as_shown(app: App, visitor: Visitor, tmp_path: Path) -> None:
    visitor.open()
    visitor.create("snippet")
    visitor.say("My name is Alice.")
    shown = visitor.tab("Code").locator("code").first
    expect(shown).to_contain_text("session=session")
    path = tmp_path / "snippet.py"
    path.write_text(f"import sys\nsys.path.append({str(ROOT)!r})\n{shown.inner_text()}")
    assert run_python(path) == ["Noted."]
