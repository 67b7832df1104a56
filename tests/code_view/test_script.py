"""A downloaded script, run in an empty folder, builds the very items of the session again."""

import asyncio
import json
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lab_tools import stored
from random_clicks import TEXTS, Clicks

from session_lab.code_view.actions import (
    CreateSession,
    FoundItems,
    PopItem,
    RunTurn,
)
from session_lab.code_view.program import literal
from session_lab.code_view.script import script
from session_lab.history.items import assistant_item, user_item
from session_lab.history.policies import MemoryPolicy


def run_alone(code: str, folder: Path) -> str:
    """Run a script in an empty folder, in a process that cannot import the lab."""
    folder.mkdir(exist_ok=True)
    (folder / "script.py").write_text(code, encoding="utf-8")
    assert "session_lab" not in code
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def run_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], list[str]]:
    """Runs a script in `tmp_path`, in this process because that is faster; the printed lines."""
    monkeypatch.chdir(tmp_path)

    def run(code: str) -> list[str]:
        Path("script.py").write_text(code, encoding="utf-8")
        runpy.run_path("script.py", run_name="__main__")
        return capsys.readouterr().out.splitlines()

    return run


@pytest.mark.parametrize("seed", range(20))
def test_random_clicks_are_reproduced(
    seed: int, tmp_path: Path, run_here: Callable[[str], list[str]]
) -> None:
    clicks = Clicks(seed, tmp_path / "app.db")
    items = asyncio.run(clicks.do(12))
    printed = run_here(script(clicks.actions))
    assert [json.loads(line) for line in printed] == items
    assert stored(tmp_path / "session.db", clicks.session_id) == items


def test_the_script_needs_nothing_but_the_sdk(tmp_path: Path) -> None:
    clicks = Clicks(100, tmp_path / "app.db")
    items = asyncio.run(clicks.do(40))
    code = script(clicks.actions)
    folder = tmp_path / "empty"
    assert [json.loads(line) for line in run_alone(code, folder).splitlines()] == items
    assert sorted(path.name for path in folder.iterdir()) == ["script.py", "session.db"]
    run_alone(code, folder)
    assert stored(folder / "session.db", clicks.session_id) == items, "a second run adds nothing"


QUESTION = user_item("where is it?")
REPLY = assistant_item("On its way.")


@pytest.mark.parametrize("text", [*TEXTS, None])
@pytest.mark.parametrize("added", [[], [QUESTION], [QUESTION, REPLY]], ids=len)
def test_a_run_stands_as_a_comment_above_what_it_stored(
    text: str | None, added: list[Any], tmp_path: Path, run_here: Callable[[str], list[str]]
) -> None:
    run = RunTurn(text, "Support", MemoryPolicy("Last N turns", 2), added, 'It\'s\n"away".')
    code = script([CreateSession("s"), FoundItems([REPLY]), run])
    message = "[]" if text is None else literal(text)
    told = f"    # Runner.run(agent, {message}, session=session)  # Support, Last 2 turns\n"
    assert told in code and "    # It ended with an error: \"It's\\n" in code
    run_here(code)
    assert stored(tmp_path / "session.db", "s") == [REPLY, *added]


def test_a_script_begins_with_its_session() -> None:
    with pytest.raises(ValueError, match="creation of its session"):
        script([PopItem()])
    with pytest.raises(ValueError, match="creation of its session"):
        script([])


def test_a_long_history_is_rebuilt(tmp_path: Path, run_here: Callable[[str], list[str]]) -> None:
    history = [user_item(f"{number} {TEXTS[number % len(TEXTS)]}") for number in range(1000)]
    run_here(script([CreateSession("s"), FoundItems(history), PopItem()]))
    assert stored(tmp_path / "session.db", "s") == history[:-1]
