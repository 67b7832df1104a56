"""The tests of a memory that 7.3 gives the reader to copy: they pass, and find each fault."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import readme_checks
from readme_checks import ROOT

LESSON = ROOT / "7_3_multi_sessions"
PROGRAMS = readme_checks.programs(LESSON / "README.md")
APP, TESTS = PROGRAMS["support.py"], PROGRAMS["test_memory.py"]
RESTART, LIMIT, USERS, CALLS = re.findall(r"def (test_\w+)", TESTS)
CUTS_ITSELF = '''

class Cut(SQLiteSession):
    """It cuts without telling the SDK by its settings."""

    async def get_items(self, limit=None):
        return await super().get_items(limit or 4)


def open_session(user):
    return Cut(f"support:{user}", "support.db")
'''


def run_copied(folder: Path, app: str) -> subprocess.CompletedProcess[str]:
    """Run the file with pytest, beside an app, where nothing of this repository can be found."""
    agent = 'from agents import Agent\n\nagent = Agent(name="Assistant")\n'
    for name, text in {"agent.py": agent, "support.py": app, "test_memory.py": TESTS}.items():
        (folder / name).write_text(text, encoding="utf-8")
    command = ["-m", "pytest", "-q", "-rf", "-p", "no:cacheprovider", "test_memory.py"]
    return readme_checks.run_python(command, folder)


def test_the_copied_file_passes(tmp_path: Path) -> None:
    done = run_copied(tmp_path, APP)
    assert (done.returncode, done.stdout.splitlines()[-1][:8]) == (0, "4 passed"), done.stdout


def test_it_needs_pytest_and_the_sdk_alone() -> None:
    imported = re.findall(r"^(?:import|from) ([\w.]+)", TESTS, re.MULTILINE)
    assert imported == ["asyncio", "pytest", "agents", "agents.testing", "support"]


@pytest.mark.parametrize(
    ("app", "failing"),
    [
        (APP.replace('"support.db"', '":memory:"'), {RESTART, LIMIT}),
        (APP.replace("limit=4", "limit=40"), {LIMIT}),
        (APP.replace("support:{user}", "support"), {USERS}),
        (APP + CUTS_ITSELF, {CALLS}),
    ],
    ids=["in memory", "no limit", "one ID", "cuts itself"],
)
def test_each_fault_fails_its_test(app: str, failing: set[str], tmp_path: Path) -> None:
    assert app != APP
    done = run_copied(tmp_path, app)
    assert set(re.findall(r"^FAILED .*::(\w+)", done.stdout, re.MULTILINE)) == failing
