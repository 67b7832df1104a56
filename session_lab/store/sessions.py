"""The SDK's session class as the lab uses it, and its calls kept off the event loop."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

from agents import SQLiteSession

from session_lab.history.items import Item
from session_lab.store.database import CatalogError, SessionDatabase

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Make a store call without holding up the event loop: the file may be locked for seconds.

    A cancellation waits for the end of the call, so that nothing is written after it.
    """
    work = asyncio.create_task(asyncio.to_thread(call, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.gather(work, return_exceptions=True)
        raise


class LabSession(SQLiteSession):
    """A `SQLiteSession` that notes the IDs of the rows it adds, for the report of a run.

    No public call of the SDK tells them. What else the session holds after a run may be of another
    program, so the rows are noted in the transaction that inserts them.
    """

    def __init__(self, session_id: str, db_path: Path | str = ":memory:") -> None:
        super().__init__(session_id, db_path)
        self.added: list[int] = []

    def _insert_items(self, conn: sqlite3.Connection, items: list[Item]) -> None:
        super()._insert_items(conn, items)
        # Nobody else writes during a transaction, so its row IDs follow each other.
        last = int(conn.execute("SELECT last_insert_rowid()").fetchone()[0])
        self.added += range(last - len(items) + 1, last + 1)


class MemorySession(LabSession):
    """A session in memory whose one connection the catalogue can read too."""

    def __init__(self, session_id: str) -> None:
        super().__init__(session_id)
        self.database = SessionDatabase(self.connection, "Memory")

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._closed:
                # Another tab deleted the session, or restarted, while this one was reading.
                raise CatalogError(f"The session {self.session_id!r} does not exist any more.")
            with self._shared_connection as connection:
                yield connection
