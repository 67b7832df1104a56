"""Which sessions exist, and how they are opened, created, renamed, forked and deleted.

The seam for other engines: pages and runs never see in which database a session lies.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar, cast
from weakref import WeakValueDictionary

from agents import SQLiteSession

from session_lab.history.items import Item, whole
from session_lab.store.database import (
    SCHEMA_VERSION,
    CatalogError,
    SessionDatabase,
    SessionInfo,
    Storage,
    schema_version,
)
from session_lab.store.opened import OpenedFile
from session_lab.store.sessions import LabSession, MemorySession, in_thread

T = TypeVar("T")
MAX_ID_LENGTH = 128
MAX_TITLE_LENGTH = 200
TAKEN = "A session called {!r} exists. Choose another ID."
_JOINERS = {0x200C: None, 0x200D: None}
"""Not "printable", but a family emoji is held together by one, and Persian is spelled with both."""


def session_id_problem(session_id: str) -> str | None:
    """Why this text can't be a session ID, in a sentence for a person; None if it can."""
    if not session_id.strip():
        return "Type a session ID: a name for the conversation, such as user_123."
    if len(session_id) > MAX_ID_LENGTH:
        return f"A session ID has at most {MAX_ID_LENGTH} characters; this has {len(session_id)}."
    if session_id != session_id.strip():
        return "A session ID can't begin or end with a space."
    visible = session_id.translate(_JOINERS)
    if not visible.isprintable():
        return "A session ID can't contain line breaks, tabs or other invisible characters."
    return None if visible.strip() else "A session ID needs a character that can be seen."


class Catalog:
    """The sessions of one database file, and those in this process's memory."""

    def __init__(self, db_path: Path, opened: OpenedFile | None = None) -> None:
        """Open `db_path`, creating the file and its folder if they are missing.

        The sessions in `opened` are listed too, and can't be changed. They hide those of `db_path`
        that have the same IDs.

        Raises:
            OSError: the folder or the file can't be made.
            sqlite3.Error: the file is no database, is read-only, or is locked.
            CatalogError: a newer version of this app wrote the file; nothing in it is changed.
        """
        self.db_path = db_path
        self._memory: dict[str, MemorySession] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._creating = threading.Lock()
        # For their owner alone: SQLite gives its -wal and -shm the mode of the file. What exists
        # keeps its modes: whoever made it may share it on purpose. Windows has no such modes.
        db_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        db_path.touch(mode=0o600)
        with self._file_connection() as connection:
            if schema_version(connection) > SCHEMA_VERSION:
                raise CatalogError(
                    f"A newer version of this app wrote {db_path.name}. Update the app, or set "
                    "SESSIONS_DB to another file."
                )
        SQLiteSession("", db_path).close()  # The SDK creates its two tables.
        self._file = SessionDatabase(self._file_connection, "File")
        self._opened_file = opened
        self._opened = [SessionDatabase(opened.connection, "Opened")] if opened else []

    @contextmanager
    def _file_connection(self) -> Iterator[sqlite3.Connection]:
        self._look_at_file()
        with closing(sqlite3.connect(self.db_path, timeout=5)) as connection, connection:
            # A row that another program damaged must not keep the others from being read.
            connection.text_factory = lambda text: text.decode(errors="replace")
            yield connection

    def _look_at_file(self) -> None:
        """Before it is opened: SQLite would make an empty one."""
        if not self.db_path.exists():
            raise CatalogError(
                f"The database file {self.db_path} is gone. Put it back, or start the app again "
                "to begin with a new one."
            )

    def database(self, session_id: str) -> SessionDatabase:
        """The database that holds this session's rows."""
        if memory_session := self._memory.get(session_id):
            return memory_session.database
        return next((each for each in self._opened if each.info(session_id)), self._file)

    def changeable(self, session_id: str) -> None:
        """Do nothing for a session of ours.

        Raises:
            CatalogError: it is in a file of another program.
        """
        if self.database(session_id).storage == "Opened":
            raise CatalogError(
                "This session is in another program's database, which is only read. Fork copies it "
                "into the lab's own file, where it can be continued and changed."
            )

    def file_name(self, storage: Storage) -> str:
        """Of the database that holds the sessions of a kind."""
        opened = self._opened_file.path.name if self._opened_file else ""
        return {"File": self.db_path.name, "Memory": ":memory:", "Opened": opened}[storage]

    def last_file_row(self) -> int:
        """The newest row ID in use or used before; later rows get higher ones (`AUTOINCREMENT`)."""
        query = "SELECT coalesce(max(seq), 0) AS id FROM sqlite_sequence WHERE name = :name"
        return int(self._file.select(query, name="agent_messages")[0]["id"])

    def lock(self, session_id: str) -> asyncio.Lock:
        """One run or one change at a time for each session, whichever tab asks for it."""
        return self._locks.setdefault(session_id, asyncio.Lock())

    def is_busy(self) -> bool:
        """Whether a run or a change is in progress in any session. For the event loop."""
        return any(lock.locked() for lock in self._locks.values())

    def sessions(self, search: str = "", limit: int = 30, offset: int = 0) -> list[SessionInfo]:
        """Sessions whose ID, title or text contains `search`, the latest first."""
        lists = self._each(lambda each, hidden: each.sessions(search, limit + offset, hidden))
        found = [info for infos in lists for info in infos]
        return sorted(found, key=lambda info: -info.updated)[offset : offset + limit]

    def count(self, search: str = "") -> int:
        """How many sessions `sessions(search)` would list in all."""
        return sum(self._each(lambda each, hidden: each.count(search, hidden)))

    def _each(self, look: Callable[[SessionDatabase, list[str]], T]) -> list[T]:
        """What `look` finds in each database, of which it hides IDs that are taken elsewhere."""
        theirs = [info.session_id for each in self._opened for info in each.sessions("", -1)]
        found = [look(self._file, [*self._memory, *theirs])]
        found += [look(each, []) for each in self._opened]
        for session in list(self._memory.values()):
            with suppress(CatalogError):  # Another tab has closed it.
                found.append(look(session.database, []))
        return found

    def info(self, session_id: str) -> SessionInfo | None:
        """What is known of a session; None if there is none with this ID."""
        if session_id != whole(session_id):
            return None  # SQLite can't hold half of a character, not even to look for it.
        return self.database(session_id).info(session_id)

    def existing(self, session_id: str) -> SessionInfo:
        """What is known of a session.

        Raises:
            CatalogError: there is none with this ID.
        """
        if info := self.info(session_id):
            return info
        raise CatalogError(f"The session {session_id!r} does not exist any more.")

    @asynccontextmanager
    async def session(self, session_id: str) -> AsyncIterator[LabSession]:
        """The session itself, as long as it is used: what stays open is only what is in memory."""
        if memory_session := self._memory.get(session_id):
            yield memory_session
            return
        session = await in_thread(self._open, session_id)
        try:
            yield session
        finally:
            await in_thread(session.close)

    def _open(self, session_id: str) -> LabSession:
        database = self.database(session_id)
        if database.storage != "Opened":
            self._look_at_file()
            return LabSession(session_id, self.db_path)
        copy, rows = LabSession(session_id), database.rows(session_id)
        asyncio.run(copy.add_items([cast(Item, row.item) for row in rows if row.is_item]))
        return copy

    def free_id(self, session_id: str) -> str:
        """This ID if it can be used, else with the next number that is free: `user_123_2`."""
        if session_id_problem(session_id) is None and self.info(session_id) is None:
            return session_id
        start = session_id[: MAX_ID_LENGTH - 6].rstrip() + "_"
        return next(new for n in itertools.count(2) if self.info(new := f"{start}{n}") is None)

    def create(self, session_id: str, storage: Storage, items: Sequence[Item] = ()) -> bool:
        """Create a session. False if there was one with this ID, which is left as it is.

        If the process dies meanwhile, it holds all of `items` or none.

        Raises:
            CatalogError: the ID is not allowed.
        """
        if problem := session_id_problem(session_id):
            raise CatalogError(problem)
        with self._creating:
            if self.info(session_id) is not None:
                return False
            is_kept = storage == "Memory"
            session = MemorySession(session_id) if is_kept else self._open(session_id)
            if items:
                asyncio.run(session.add_items(list(items)))
            if isinstance(session, MemorySession):
                self._memory[session_id] = session
            else:
                session.close()
            # The SDK writes no row before the first item, so the list would not show the session.
            self.database(session_id).touch(session_id)
            return True

    def rename(self, session_id: str, title: str) -> None:
        """Change the title; the session ID, which other programs may use, stays.

        Raises:
            CatalogError: the title is empty, too long or no text, or the session is gone.
        """
        self.changeable(session_id)
        title = " ".join(title.split())
        if not 1 <= len(title) <= MAX_TITLE_LENGTH:
            raise CatalogError(f"A title has 1 to {MAX_TITLE_LENGTH} characters.")
        if title != whole(title):
            raise CatalogError("A title can't contain half of a character.")
        self.database(session_id).rename(self.existing(session_id), title)

    def delete(self, session_id: str) -> None:
        """Remove the session's items and all that is known of it.

        The caller holds `lock(session_id)`.
        """
        self.changeable(session_id)
        self.database(session_id).delete(session_id)
        if memory_session := self._memory.pop(session_id, None):
            memory_session.close()

    def fork(self, source_id: str, new_id: str, item_count: int, storage: Storage) -> list[Item]:
        """Copy the first `item_count` rows into a new session; who answered is copied too.

        The caller holds both locks. Returns the copied items: rows that hold no JSON stay behind,
        because the SDK can't add them.

        Raises:
            CatalogError: the new ID is not allowed or is taken, or the source is gone.
        """
        source, old = self.existing(source_id), self.database(source_id)
        rows = [row for row in old.rows(source_id)[:item_count] if row.is_item]
        items = [cast(Item, row.item) for row in rows]
        if not self.create(new_id, storage, items):
            raise CatalogError(TAKEN.format(new_id))
        new = self.database(new_id)
        pairs = zip(rows, new.rows(new_id), strict=True)
        new_ids = {row.id: copied.id for row, copied in pairs}
        moved = [report.moved(new_ids) for report in old.reports(source_id)]
        new.save_reports(new_id, [report for report in moved if report is not None])
        self.rename(new_id, f"{source.title} (fork)"[:MAX_TITLE_LENGTH])
        new.set_origin(new_id, source_id, len(rows))
        return items

    def restart(self) -> list[str]:
        """Do what the end of the process does: close everything. Returns the IDs that are gone."""
        gone = list(self._memory)
        while self._memory:
            self._memory.popitem()[1].close()
        return gone
