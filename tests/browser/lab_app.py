"""The real app as a process, and items to put into its database."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from agents import SQLiteSession
from lab_tools import insert, query, stored

from session_lab.history.items import assistant_item, user_item

# Every test file of this folder imports this one first, and is skipped where Playwright is missing.
pytest.importorskip("playwright")

ROOT = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 60
user, assistant = user_item, assistant_item


class App:
    """`streamlit run streamlit_sessions_app.py` on a free port, with its database in `folder`.

    `script` may be another app, which is run in its own folder.
    """

    def __init__(self, folder: Path, script: Path = ROOT / "streamlit_sessions_app.py") -> None:
        self.script = script
        self.db_path = folder / "sessions.db"
        self.log = folder / "app.log"
        SQLiteSession("", self.db_path).close()  # So that `store` finds the SDK's tables.
        with closing(socket.create_server(("127.0.0.1", 0))) as server:
            self._port = server.getsockname()[1]
        self.url = f"http://localhost:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "streamlit", "run", self.script.name]
        command += ["--server.port", str(self._port), "--server.headless", "true"]
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("OPENAI_", "STREAMLIT_"))
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.script.parent,
                env={**environment, "SESSIONS_DB": str(self.db_path)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._is_healthy():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The app did not start:\n{self.log.read_text()}")
            time.sleep(0.1)

    def _is_healthy(self) -> bool:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.url}/_stcore/health", timeout=5) as reply:
                return bool(reply.read() == b"ok")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def hold(self) -> None:
        """Suspend what the app has started: it then runs until it is ended. Only on Linux."""
        assert self._process is not None
        for children in Path(f"/proc/{self._process.pid}/task").glob("*/children"):
            for process_id in children.read_text().split():
                os.kill(int(process_id), signal.SIGSTOP)

    def stop(self) -> None:
        """End the app and everything that it started."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(10)
        finally:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def rows(self, session_id: str) -> list[dict[str, Any]]:
        """The session's items as they lie in the file, oldest first."""
        return stored(self.db_path, session_id)

    def sessions_with(self, text: str) -> list[str]:
        """The IDs of the sessions in which a user said exactly this."""
        sql = "SELECT DISTINCT session_id FROM agent_messages WHERE message_data = ? ORDER BY 1"
        said = json.dumps({"content": text, "role": "user"})
        return [session_id for (session_id,) in query(self.db_path, sql, said)]

    def kinds(self, session_id: str) -> list[str]:
        """The role or the type of each stored item."""
        return [item.get("role") or item["type"] for item in self.rows(session_id)]

    def store(self, session_id: str, items: Sequence[Any]) -> None:
        """Add items the way another program would."""
        insert(self.db_path, session_id, *map(json.dumps, items))


def tool_turn(question: str, reply: str) -> list[Any]:
    """A turn of four items: question, tool call, its output, reply."""
    arguments = '{"start_date": "2026-01-01", "end_date": "2026-03-01"}'
    call = {"type": "function_call", "call_id": "c1", "name": "days_between"}
    output = {"type": "function_call_output", "call_id": "c1", "output": "59 days"}
    return [user(question), {**call, "arguments": arguments}, output, assistant(reply)]
