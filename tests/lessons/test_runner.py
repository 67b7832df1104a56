"""A script in a process of its own: live output, its end, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from session_lab.lessons import runner as lesson_runner
from session_lab.lessons.runner import KEPT_LINES, LESSONS, LessonRun, LessonRunner

SECONDS = 20.0
Write = Callable[[str], Path]
# A script that starts a child, tells its process ID, and then both stay.
WITH_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid)
time.sleep(60)
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def script(source: str) -> Path:
        path = tmp_path / "agent.py"
        path.write_text(source, encoding="utf-8")
        return path

    return script


@pytest.fixture
def runner() -> Iterator[LessonRunner]:
    runner = LessonRunner()
    yield runner
    runner.close()


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen in {SECONDS} s"
        time.sleep(0.02)


def is_alive(process_id: int) -> bool:
    """Whether it runs. One that has ended may wait for its parent to look; that is not running."""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{process_id}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def child_of(run: LessonRun) -> int:
    wait_for(lambda: run.output.strip().isdigit(), "the child's start")
    return int(run.output)


def test_the_lessons_are_there() -> None:
    for lesson in LESSONS:
        assert lesson.script.is_file(), lesson
        assert lesson.readme.is_file(), lesson


def test_lines_are_there_while_the_script_still_runs(runner: LessonRunner, write: Write) -> None:
    run = runner.run(write("import time\nprint('one')\nprint('two')\ntime.sleep(60)\n"))
    wait_for(lambda: run.output == "one\ntwo\n", "the output")
    assert not run.is_done
    assert run.exit_status is None
    assert run.line_count == 2


def test_the_end_is_told_with_its_status(runner: LessonRunner, write: Write) -> None:
    run = runner.run(
        write("import sys\nprint('äøж')\nprint('wrong', file=sys.stderr)\nsys.exit(3)")
    )
    assert run.wait(SECONDS)
    assert (run.exit_status, run.ending) == (3, "finished")
    assert run.output == "äøж\nwrong\n"
    assert run.seconds > 0


def test_following_ends_with_the_run(runner: LessonRunner, write: Write) -> None:
    run = runner.run(write("for number in range(5): print(number)"))
    seen = [run.output for _ in run.follow()]
    assert run.is_done
    assert seen[-1] == "0\n1\n2\n3\n4\n"


def test_it_runs_with_the_environment_of_the_app_and_no_keyboard(
    runner: LessonRunner, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LESSON_TEST", "from the app")
    source = "import os, sys\nprint(os.environ['LESSON_TEST'], repr(sys.stdin.read()))"
    run = runner.run(write(source + "\nprint(sys.executable)"))
    assert run.wait(SECONDS)
    assert run.output == f"from the app ''\n{sys.executable}\n"


def test_stop_ends_the_script_and_what_it_started(runner: LessonRunner, write: Write) -> None:
    run = runner.run(write(WITH_CHILD))
    child = child_of(run)
    assert is_alive(child)
    run.stop()
    assert run.is_done
    assert run.ending == "stopped"
    assert run.exit_status == -signal.SIGTERM
    wait_for(lambda: not is_alive(child), "the child's end")


def test_a_script_that_does_not_want_to_end_is_killed(
    runner: LessonRunner, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lesson_runner, "GRACE", 0.2)
    source = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf')"
    run = runner.run(write(source + "\nwhile True: time.sleep(1)"))
    wait_for(lambda: run.output == "deaf\n", "the start")
    run.stop()
    assert (run.exit_status, run.ending) == (-signal.SIGKILL, "stopped")


def test_a_child_that_outlives_the_script_is_ended(runner: LessonRunner, write: Write) -> None:
    run = runner.run(write(WITH_CHILD.replace("time.sleep(60)\n", "")))
    assert run.wait(SECONDS), "the child held the output open"
    assert (run.exit_status, run.ending) == (0, "finished")
    wait_for(lambda: not is_alive(int(run.output)), "the child's end")


def test_a_script_has_a_time_limit(write: Write) -> None:
    run = LessonRun(write("import time\ntime.sleep(60)"), time_limit=0.3)
    assert run.wait(SECONDS)
    assert run.ending == "out of time"


def test_endless_output_does_not_fill_the_memory(runner: LessonRunner, write: Write) -> None:
    run = runner.run(write(f"for n in range({KEPT_LINES + 10}): print(n)\nprint('x' * 30_000)"))
    assert run.wait(SECONDS)
    lines = run.output.splitlines()
    assert run.line_count > KEPT_LINES
    assert lines[0] != "0"
    assert lines[-1].endswith("x" * 9_999)


def test_one_run_at_a_time_and_then_a_new_one(runner: LessonRunner, write: Write) -> None:
    script = write("import time\ntime.sleep(60)")
    assert runner.last(script) is None
    run = runner.run(script)
    assert runner.run(script) is run
    run.stop()
    assert runner.last(script) is run
    assert runner.run(script) is not run


def test_close_ends_every_run(write: Write) -> None:
    runner = LessonRunner()
    run = runner.run(write(WITH_CHILD))
    child = child_of(run)
    runner.close()
    assert run.is_done
    wait_for(lambda: not is_alive(child), "the child's end")


def test_the_end_of_the_app_ends_every_run(write: Write, tmp_path: Path) -> None:
    script = write(WITH_CHILD)
    app = f"""
import sys, time
sys.path.append({str(Path(lesson_runner.__file__).parent.parent)!r})
from pathlib import Path
from session_lab.lessons.runner import LessonRunner
run = LessonRunner().run(Path({str(script)!r}))
while not run.output.strip().isdigit(): time.sleep(0.02)
print(run.output)
"""
    done = subprocess.run(
        [sys.executable, "-c", app], capture_output=True, text=True, timeout=SECONDS, check=True
    )
    wait_for(lambda: not is_alive(int(done.stdout)), "the child's end")
