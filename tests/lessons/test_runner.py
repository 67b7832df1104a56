"""A script in a process of its own: live output, its end, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab_tools import wait_until
from readme_checks import ROOT

from session_lab.lessons import runner as lesson_runner
from session_lab.lessons.runner import KEPT_LINES, LessonRun, LessonRunner

SECONDS = 20.0
needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
Start = Callable[[str], LessonRun]
# A script that starts a child, tells its process ID, and then both stay.
WITH_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid)
time.sleep(60)
"""


@pytest.fixture
def runner() -> Iterator[LessonRunner]:
    runner = LessonRunner()
    yield runner
    runner.close()


@pytest.fixture
def start(runner: LessonRunner, tmp_path: Path) -> Start:
    def run(source: str) -> LessonRun:
        script = tmp_path / "agent.py"
        script.write_text(source, encoding="utf-8")
        return runner.run(script)

    return run


def is_alive(process_id: int) -> bool:
    """Whether it runs. One that has ended may wait for its parent to look; that is not running."""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{process_id}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_the_end_is_told_with_its_status_and_all_that_was_printed(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LESSON_TEST", "from the app")
    source = "import os, sys\nprint('äøж', os.environ['LESSON_TEST'], repr(sys.stdin.read()))\n"
    run = start(source + "print('wrong', file=sys.stderr)\nsys.exit(3)")
    assert run.wait(SECONDS)
    assert (run.exit_status, run.ending) == (3, "finished")
    assert run.output == "äøж from the app ''\nwrong\n", "with no keyboard"
    assert run.seconds > 0


@needs_signals
def test_stop_ends_the_script_and_what_it_started(start: Start) -> None:
    run = start(WITH_CHILD)
    wait_until(lambda: run.output.strip().isdigit(), "the output is there while the script runs")
    assert (run.is_done, run.exit_status) == (False, None)
    assert is_alive(int(run.output))
    run.stop()
    assert (run.is_done, run.ending, run.exit_status) == (True, "stopped", -signal.SIGTERM)
    wait_until(lambda: not is_alive(int(run.output)), "the child's end")


@needs_signals
def test_a_script_that_does_not_want_to_end_is_killed(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lesson_runner, "GRACE", 0.2)
    source = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf')"
    run = start(source + "\nwhile True: time.sleep(1)")
    wait_until(lambda: run.output == "deaf\n", "the start")
    run.stop()
    assert (run.exit_status, run.ending) == (-signal.SIGKILL, "stopped")


@needs_signals
def test_a_child_that_outlives_the_script_is_ended(start: Start) -> None:
    run = start(WITH_CHILD.replace("time.sleep(60)\n", ""))
    assert run.wait(SECONDS), "the child held the output open"
    assert (run.exit_status, run.ending) == (0, "finished")
    wait_until(lambda: not is_alive(int(run.output)), "the child's end")


def test_a_script_has_a_time_limit(tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text("import time\ntime.sleep(60)")
    run = LessonRun(tmp_path / "agent.py", time_limit=0.3)
    assert run.wait(SECONDS)
    assert run.ending == "out of time"


def test_endless_output_does_not_fill_the_memory(start: Start) -> None:
    run = start(f"for n in range({KEPT_LINES + 10}): print(n)\nprint('x' * 30_000)")
    assert run.wait(SECONDS)
    lines = run.output.splitlines()
    assert run.line_count == KEPT_LINES + 10 + 4, "the long line counts as four"
    assert lines[0] != "0"
    assert lines[-1].endswith("x" * 9_999)


def test_one_run_at_a_time_and_then_a_new_one(runner: LessonRunner, start: Start) -> None:
    source = "import time\ntime.sleep(60)"
    run = start(source)
    assert start(source) is run
    run.stop()
    assert start(source) is not run


@needs_signals
def test_the_end_of_the_app_ends_every_run(tmp_path: Path) -> None:
    script = tmp_path / "agent.py"
    script.write_text(WITH_CHILD)
    app = f"""
import time
from pathlib import Path
from session_lab.lessons.runner import LessonRunner
run = LessonRunner().run(Path({str(script)!r}))
while not run.output.strip().isdigit(): time.sleep(0.02)
print(run.output)
"""
    command = [sys.executable, "-c", app]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=True
    )
    wait_until(lambda: not is_alive(int(done.stdout)), "the child's end")
