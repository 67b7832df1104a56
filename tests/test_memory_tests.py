"""The tests of a memory that 7.3 gives the reader to copy: they pass, and find each fault."""

from __future__ import annotations

import json
import re
from pathlib import Path

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


FAULTS = {
    "none": (APP, set()),
    "in memory": (APP.replace('"support.db"', '":memory:"'), {RESTART, LIMIT}),
    "no limit": (APP.replace("limit=4", "limit=40"), {LIMIT}),
    "one ID": (APP.replace("support:{user}", "support"), {USERS}),
    "cuts itself": (APP + CUTS_ITSELF, {CALLS}),
}
# One process for all, since importing the SDK takes longest.
RUN_EACH = """
import contextlib, json, os, sys
import pytest

class Results:
    def __init__(self):
        self.of_each = {}

    def pytest_runtest_logreport(self, report):
        if report.when == "call":
            self.of_each[report.nodeid.partition("::")[2]] = report.outcome

results = {}
for name in sys.argv[1:]:
    os.chdir(name)
    with contextlib.redirect_stdout(sys.stderr):
        pytest.main(["-q", "-p", "no:cacheprovider", "test_memory.py"], [found := Results()])
    results[name] = found.of_each
    for module in ("agent", "support", "test_memory"):
        sys.modules.pop(module)
    sys.path = [path for path in sys.path if name not in path]
    os.chdir("..")
print(json.dumps(results))
"""


def test_the_copied_file_passes_and_finds_each_fault(tmp_path: Path) -> None:
    """Run with pytest, beside an app, where nothing of this repository can be found."""
    agent = 'from agents import Agent\n\nagent = Agent(name="Assistant")\n'
    for name, (app, _) in FAULTS.items():
        assert app != APP or name == "none"
        (tmp_path / name).mkdir()
        for file, text in {"agent": agent, "support": app, "test_memory": TESTS}.items():
            (tmp_path / name / f"{file}.py").write_text(text, encoding="utf-8")
    done = readme_checks.run_python(["-c", RUN_EACH, *FAULTS], tmp_path)
    assert done.returncode == 0, done.stderr
    for name, outcomes in json.loads(done.stdout).items():
        failed = {test for test, outcome in outcomes.items() if outcome != "passed"}
        assert (len(outcomes), failed) == (4, FAULTS[name][1]), name


def test_it_needs_pytest_and_the_sdk_alone() -> None:
    imported = re.findall(r"^(?:import|from) ([\w.]+)", TESTS, re.MULTILINE)
    assert imported == ["asyncio", "pytest", "agents", "agents.testing", "support"]
