"""Run a lesson's script in a process of its own, with its output as it is printed."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from session_lab.runs.progress import Progress

ROOT = Path(__file__).resolve().parent.parent.parent
TIME_LIMIT = 600.0
"""Seconds. A lesson takes a few with the offline model, and minutes with a slow server."""
KEPT_LINES = 2000
LINE_LENGTH = 10_000
"""Characters. A longer line is cut into several, so that no output can fill the memory."""
GRACE = 2.0
"""Seconds between the request to end and the kill."""

Ending = Literal["finished", "stopped", "out of time"]


@dataclass(frozen=True)
class Lesson:
    """One lesson: `folder` holds its `agent.py` and its `README.md`."""

    title: str
    folder: Path

    @property
    def script(self) -> Path:
        return self.folder / "agent.py"

    @property
    def readme(self) -> Path:
        return self.folder / "README.md"


LESSONS = (
    Lesson("7.1 Basic sessions", ROOT / "7_1_basic_sessions"),
    Lesson("7.2 Memory operations", ROOT / "7_2_memory_operations"),
    Lesson("7.3 Multiple sessions", ROOT / "7_3_multi_sessions"),
)


class LessonRun(Progress):
    """One run of a script, from its start until it and every process that it started has ended."""

    def __init__(self, script: Path, time_limit: float = TIME_LIMIT) -> None:
        """Start the script with this process's environment; it ends after `time_limit` seconds.

        Raises:
            OSError: the process can't be started.
        """
        super().__init__()
        self.seconds = 0.0
        self.line_count = 0
        self.exit_status: int | None = None
        self.ending: Ending | None = None
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._time_limit = time_limit
        self._writing = threading.Lock()
        self._stop = threading.Event()
        self._process = _start(script)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def output(self) -> str:
        """What was printed so far on stdout and stderr: the newest `KEPT_LINES` lines."""
        with self._writing:
            return "".join(self._lines)

    def stop(self) -> None:
        """End the script and every process that it started, and wait until they are gone."""
        self._stop.set()
        self.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            while line := output.readline(LINE_LENGTH):
                with self._writing:
                    self._lines.append(line)
                    self.line_count += 1

    def _watch(self) -> None:
        """Only this thread signals the process, so that no other can hit a reused process ID."""
        begun = time.monotonic()
        ending: Ending = "finished"
        while self._process.poll() is None:
            if self._stop.wait(0.05):
                ending = "stopped"
            elif time.monotonic() > begun + self._time_limit:
                ending = "out of time"
            if ending != "finished":
                _end(self._process)
        # A process that the script left behind would also keep the pipe, and so the reader, open.
        _signal_group(self._process, force=True)
        self._reader.join()
        self.seconds = time.monotonic() - begun
        self.exit_status, self.ending = self._process.returncode, ending
        self.end()


class LessonRunner:
    """At most one run of each lesson at a time; all end with this process."""

    def __init__(self) -> None:
        self._runs: dict[Path, LessonRun] = {}
        self._lock = threading.Lock()
        atexit.register(self.close)

    def run(self, script: Path) -> LessonRun:
        """Start the script, or return its run in progress, whichever tab started it.

        Raises:
            OSError: the process can't be started.
        """
        with self._lock:
            run = self._runs.get(script)
            if run is None or run.is_done:
                run = self._runs[script] = LessonRun(script)
            return run

    def last(self, script: Path) -> LessonRun | None:
        """The script's run in progress, else its latest, if there was one."""
        return self._runs.get(script)

    def close(self) -> None:
        """End every run."""
        for run in list(self._runs.values()):
            run.stop()
        atexit.unregister(self.close)


def _start(script: Path) -> subprocess.Popen[str]:
    """A process group of its own makes it possible to end what the script starts as well."""
    options: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        options = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return subprocess.Popen(
        [sys.executable, str(script)],
        cwd=script.parent,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        **options,
    )


def _end(process: subprocess.Popen[str]) -> None:
    """Ask the process group to end; kill what has not ended after `GRACE` seconds."""
    _signal_group(process, force=False)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    _signal_group(process, force=True)
    process.wait()


def _signal_group(process: subprocess.Popen[str], *, force: bool) -> None:
    if sys.platform == "win32":
        command = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
        subprocess.run(command, capture_output=True, check=False)
        return
    # An empty group is what is wanted; macOS refuses to signal one that only holds a zombie.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL if force else signal.SIGTERM)
