"""What leaves the lab and comes back: the clicks as a program, and an exported session."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lab_app import App
from playwright.sync_api import expect
from visitor import Visitor

pytestmark = pytest.mark.browser


def downloaded(visitor: Visitor, button: str, folder: Path) -> Path:
    with visitor.page.expect_download() as download:
        visitor.button(button).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def lasting(items: list[dict[str, Any]]) -> list[object]:
    return [{**item, "call_id": ""} if "call_id" in item else item for item in items]


def test_a_session_leaves_as_a_script_and_as_a_file_and_is_imported(
    app: App, visitor: Visitor, tmp_path: Path
) -> None:
    visitor.open()
    visitor.create("to export")
    visitor.say("Ich heiße Jürgen 🎈")
    visitor.say("How many days from 2026-01-01 to 2026-03-01?")
    visitor.press("Pop item")
    visitor.confirm("Pop this item")
    stored = app.rows("to export")
    assert len(stored) == 5

    visitor.tab("Code")
    script = downloaded(visitor, "Download as script", tmp_path)
    command = [sys.executable, str(script)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=60)
    assert done.returncode == 0, done.stderr
    rebuilt = [json.loads(line) for line in done.stdout.splitlines()]
    assert lasting(rebuilt) == lasting(stored)

    visitor.menu("Export")
    path = downloaded(visitor, "Download JSON", tmp_path)
    visitor.close_dialog()
    visitor.menu("Import").locator("input[type=file]").set_input_files(path)
    expect(visitor.dialog.get_by_text("holds 5 items")).to_be_visible()
    visitor.dialog.get_by_role("textbox", name="Session ID").fill("imported")
    visitor.dialog.get_by_role("textbox", name="Session ID").press("Tab")
    visitor.settled()
    visitor.confirm("Import as a new session")
    expect(visitor.page).to_have_url(re.compile("session=imported"))
    expect(visitor.questions.first).to_contain_text("Ich heiße Jürgen 🎈")
    assert app.rows("imported") == stored == app.rows("to export")
