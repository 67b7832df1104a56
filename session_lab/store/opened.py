"""Another program's database, read without writing a byte to it or beside it."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from session_lab.store.database import CatalogError, make_tables

BESIDE = ("", "-wal", "-journal")
"""SQLite keeps what is newest in the second, or what a broken write has to undo in the third."""
COLUMNS = {"id", "session_id", "message_data"}
"""What makes a table one of messages: the SDK's classes let a program choose its name."""


class OpenedFile:
    """The sessions in a file, read from a copy that is made anew when the file has changed.

    SQLite itself writes beside a database that it only reads. In the copy the tables have the names
    that the SDK gives them if a program chooses none.
    """

    def __init__(self, path: Path, table: str | None = None) -> None:
        """`table` is needed only where several tables hold messages.

        Raises:
            OSError: the file may not be read.
            sqlite3.Error: it is no database.
            CatalogError: there is no such file, it holds no sessions, or `table` is needed.
        """
        self.path = path
        self._table = table
        self._folder = TemporaryDirectory(prefix="sessions-")
        self._copy = Path(self._folder.name) / "copy.db"
        self._state: object = None
        self._using = threading.Lock()
        with self.connection() as connection:
            names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            self.has_branches = "message_structure" in names
            """Whether `AdvancedSQLiteSession` has written the file."""

    def close(self) -> None:
        self._folder.cleanup()

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A connection to the copy, for one at a time. What is written to it is lost."""
        with self._using:  # Else it would be made anew under who reads it.
            self._refresh()
            with closing(sqlite3.connect(self._copy)) as connection, connection:
                connection.text_factory = lambda text: text.decode(errors="replace")
                yield connection

    def _refresh(self) -> None:
        for _ in range(5):
            state = self._look()
            if state == self._state:
                return
            self._state = None  # Of a copy that is half made.
            for ending in BESIDE:
                Path(f"{self._copy}{ending}").unlink(missing_ok=True)
                with suppress(FileNotFoundError):
                    shutil.copyfile(f"{self.path}{ending}", f"{self._copy}{ending}")
            if state == self._look():
                self._name_tables()
                self._state = state
                return
        raise CatalogError(f"{self.path.name} is being written all the time. Try it on a copy.")

    def _look(self) -> dict[str, tuple[int, int]]:
        """When each of the files that there are was written last, and its size."""
        if not self.path.exists():
            raise CatalogError(f"There is no file {self.path}. Check its path.")
        facts = {}
        for ending in BESIDE:
            with suppress(FileNotFoundError):
                found = Path(f"{self.path}{ending}").stat()
                facts[ending] = found.st_mtime_ns, found.st_size
        return facts

    def _name_tables(self) -> None:
        with closing(sqlite3.connect(self._copy)) as connection, connection:
            query = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
            names = [name for (name,) in connection.execute(query)]
            found = [name for name in names if _columns(connection, name) >= COLUMNS]
            if self._table is not None:
                found = [name for name in found if name == self._table]
            elif "agent_messages" in found:
                found = ["agent_messages"]
            if len(found) != 1:
                raise CatalogError(
                    f"Several tables of {self.path.name} hold messages: {', '.join(found)}. "
                    "Name one of them with --table."
                    if found
                    else f"{self.path.name} holds no sessions of the SDK: no table has the columns "
                    f"{', '.join(sorted(COLUMNS))}."
                )
            [messages] = found
            if messages != "agent_messages":
                for name in ("agent_messages", "agent_sessions"):
                    connection.execute(f"DROP TABLE IF EXISTS {name}")
                connection.execute(f"ALTER TABLE {_quoted(messages)} RENAME TO agent_messages")
            if "created_at" not in _columns(connection, "agent_messages"):
                connection.execute("ALTER TABLE agent_messages ADD COLUMN created_at")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS agent_sessions AS SELECT session_id,"
                " min(created_at) AS created_at, max(created_at) AS updated_at"
                " FROM agent_messages GROUP BY session_id"
            )
        with closing(sqlite3.connect(self._copy)) as connection:
            make_tables(connection)


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {column[1] for column in connection.execute(f"PRAGMA table_info({_quoted(table)})")}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
