"""The rows of one SQLite database: the SDK's two tables, and ours beside them.

The SDK stores sessions but can't list them, and knows neither a title nor who answered. Two tables
of ours, `lab_sessions` and `lab_turns`, lie in the same database as the items they describe, so
that they are kept and lost together. `lab_schema` holds the version of these tables in its one row:
`PRAGMA user_version` would be the file's, and that belongs to whoever else uses it.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

from session_lab.history.items import Item, field, is_assistant_message
from session_lab.history.report import TurnReport
from session_lab.history.rules import Api, Finding, diagnose
from session_lab.store.search import add_functions, parsed

Storage = Literal["File", "Memory", "Opened"]
"""`Opened` is a file of another program, which is only read."""

SCHEMA_VERSION = 2
"""What this code writes. Files without a `lab_schema` hold version 1: reports in another form."""
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS lab_schema (version INTEGER NOT NULL);
DELETE FROM lab_schema;
INSERT INTO lab_schema VALUES ({SCHEMA_VERSION});
CREATE TABLE IF NOT EXISTS lab_sessions (
    session_id TEXT PRIMARY KEY, title TEXT NOT NULL, storage TEXT NOT NULL,
    forked_from TEXT, forked_items INTEGER, touched_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS lab_turns (
    session_id TEXT NOT NULL, first_row INTEGER NOT NULL, report TEXT NOT NULL,
    PRIMARY KEY (session_id, first_row));
"""
_PAST = "CASE WHEN {0} <= strftime('%s', 'now') + 60 THEN {0} ELSE 0 END"
"""A row dated in the future does not stay on top. Clocks may differ by a minute."""
_SESSIONS = f"""
SELECT known.session_id AS session_id,
       coalesce(nullif(CAST(lab.title AS TEXT), ''), known.session_id) AS title,
       (SELECT count(*) FROM agent_messages AS m WHERE m.session_id = known.session_id)
           AS item_count,
       max({_PAST.format("CAST(lab.touched_at AS REAL)")},
           coalesce(nullif({_PAST.format("CAST(strftime('%s', sdk.updated_at) AS REAL)")}, 0),
                    {_PAST.format("CAST(strftime('%s', sdk.created_at) AS REAL)")})) AS updated,
       CAST(lab.forked_from AS TEXT) AS forked_from,
       CAST(lab.forked_items AS INTEGER) AS forked_items
FROM (SELECT session_id FROM agent_sessions UNION SELECT session_id FROM lab_sessions) AS known
LEFT JOIN agent_sessions AS sdk ON sdk.session_id = known.session_id
LEFT JOIN lab_sessions AS lab ON lab.session_id = known.session_id
"""
"""SQLite keeps any value in any column, so the types are made here, for whoever reads them."""
_LISTED = f"""{_SESSIONS}
WHERE known.session_id NOT IN (SELECT value FROM json_each(:hidden))
AND (:search = ''
   OR contains(known.session_id, :search) OR contains(coalesce(lab.title, ''), :search)
   OR EXISTS (SELECT 1 FROM agent_messages AS m WHERE m.session_id = known.session_id
              AND text_contains(CAST(m.message_data AS BLOB), :search)))
"""
_OTHER_TABLES = ("agent_sessions", "lab_sessions", "lab_turns")


CHANGED = "The session has changed since you looked, so nothing was done. Look again."


class CatalogError(Exception):
    """A request that can't be carried out; the message says why and what to do."""


@dataclass(frozen=True)
class SessionInfo:
    """One line of the session list. `updated` is in seconds since the epoch."""

    session_id: str
    title: str
    storage: Storage
    item_count: int
    updated: float
    forked_from: str | None
    forked_items: int | None


@dataclass(frozen=True)
class Row:
    """One row of `agent_messages`. `item` is None where the row holds no JSON, or JSON's `null`."""

    id: int
    created_at: str
    data: str
    item: Item | None

    @property
    def is_item(self) -> bool:
        """Whether `SQLiteSession.get_items` returns the row. It skips what is no JSON."""
        return self.item is not None or self.data.strip() == "null"


@dataclass(frozen=True)
class Version:
    """Tells whether a session changed: row IDs are never used twice (`AUTOINCREMENT`)."""

    item_count: int
    last_row: int


def schema_version(connection: sqlite3.Connection) -> int:
    """The version of the lab's tables in this database: 0 if none is noted."""
    query = "SELECT name FROM sqlite_master WHERE name = 'lab_schema'"
    if connection.execute(query).fetchone() is None:
        return 0
    query = "SELECT coalesce(max(CAST(version AS INTEGER)), 0) FROM lab_schema"
    return int(connection.execute(query).fetchone()[0])


def make_tables(connection: sqlite3.Connection) -> None:
    """Create the lab's tables, if there are none of this version."""
    if schema_version(connection) != SCHEMA_VERSION:
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")


class SessionDatabase:
    """One database: the file that all file sessions share, or the memory of one session."""

    def __init__(
        self, connect: Callable[[], AbstractContextManager[sqlite3.Connection]], storage: Storage
    ) -> None:
        """`connect()` gives a connection in a transaction that is committed at its end."""
        self._connect = connect
        self.storage = storage
        with connect() as connection:
            make_tables(connection)

    # -- sessions ---------------------------------------------------------------------------

    def sessions(self, search: str, limit: int, hidden: Sequence[str] = ()) -> list[SessionInfo]:
        """Sessions whose ID, title or text contains `search`, but not `hidden`, latest first."""
        query = f"{_LISTED} ORDER BY updated DESC, known.session_id LIMIT :limit"
        found = self.select(query, search=search, limit=limit, hidden=json.dumps(hidden))
        return [SessionInfo(storage=self.storage, **values) for values in found]

    def count(self, search: str, hidden: Sequence[str] = ()) -> int:
        query = f"SELECT count(*) AS count FROM ({_LISTED})"
        return int(self.select(query, search=search, hidden=json.dumps(hidden))[0]["count"])

    def info(self, session_id: str) -> SessionInfo | None:
        found = self.select(f"{_SESSIONS} WHERE known.session_id = :id", id=session_id)
        return SessionInfo(storage=self.storage, **found[0]) if found else None

    def touch(self, session_id: str) -> None:
        """List the session, also while it has no items, and move it to the top."""
        self._describe(session_id, session_id, time.time(), "touched_at = excluded.touched_at")

    def rename(self, session: SessionInfo, title: str) -> None:
        """Change the title. The place in the list stays: it tells when the conversation went on."""
        self._describe(session.session_id, title, session.updated, "title = excluded.title")

    def _describe(self, session_id: str, title: str, touched_at: float, update: str) -> None:
        query = (
            "INSERT INTO lab_sessions (session_id, title, storage, touched_at) VALUES (?, ?, ?, ?)"
            f" ON CONFLICT (session_id) DO UPDATE SET {update}"
        )
        self._execute(query, session_id, title, self.storage, touched_at)

    def set_origin(self, session_id: str, forked_from: str, forked_items: int) -> None:
        query = "UPDATE lab_sessions SET forked_from = ?, forked_items = ? WHERE session_id = ?"
        self._execute(query, forked_from, forked_items, session_id)

    def delete(self, session_id: str) -> None:
        """Remove the session's items and all that is known of it, in one transaction."""
        with self._connect() as connection:
            for table in ("agent_messages", *_OTHER_TABLES):
                connection.execute(f"DELETE FROM {table} WHERE session_id = ?", (session_id,))

    # -- rows -------------------------------------------------------------------------------

    def rows(self, session_id: str, last: int | None = None, after: int = 0) -> list[Row]:
        """The session's rows of `agent_messages`, oldest first.

        With `last`, only so many of the newest; with `after`, only those with a higher row ID.
        """
        query = """
            SELECT id, CAST(created_at AS TEXT) AS created_at, message_data AS data
            FROM agent_messages WHERE session_id = :session_id AND id > :after
            ORDER BY id DESC LIMIT :last"""
        last = -1 if last is None else last
        found = self.select(query, session_id=session_id, after=after, last=last)
        return [_row(**values) for values in reversed(found)]

    def other_tables(self, session_id: str) -> dict[str, list[dict[str, Any]]]:
        """The newest 100 of this session's rows of the other tables, as column -> value."""
        query = "SELECT * FROM {} WHERE session_id = :id ORDER BY rowid DESC LIMIT 100"
        return {table: self.select(query.format(table), id=session_id) for table in _OTHER_TABLES}

    def version(self, session_id: str) -> Version:
        query = """
            SELECT count(*) AS item_count, coalesce(max(id), 0) AS last_row
            FROM agent_messages WHERE session_id = :id"""
        return Version(**self.select(query, id=session_id)[0])

    def select(self, query: str, **values: object) -> list[dict[str, Any]]:
        """Any SELECT with `:name` parameters, as column -> value."""
        with self._connect() as connection:
            add_functions(connection)
            found = connection.execute(query, values)
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found]

    def save_reports(self, session_id: str, reports: Iterable[TurnReport]) -> None:
        """Keep the reports of turns, each by the first row that the turn stored."""
        query = "INSERT OR REPLACE INTO lab_turns (session_id, first_row, report) VALUES (?, ?, ?)"
        values = [(session_id, each.stored[0], each.model_dump_json()) for each in reports]
        with self._connect() as connection:
            connection.executemany(query, values)

    def reports(self, session_id: str, from_row: int = 0, most: int = -1) -> list[TurnReport]:
        """The kept reports of the turns from the one on that stored the row `from_row`.

        At most so many; -1 is all.

        What can't be read, because another program or another version wrote it, is passed over.
        """
        query = (
            "SELECT report FROM lab_turns WHERE session_id = :id AND first_row >= coalesce("
            "(SELECT max(first_row) FROM lab_turns WHERE session_id = :id"
            " AND first_row <= :from_row), 0) ORDER BY first_row LIMIT :most"
        )
        found = self.select(query, id=session_id, from_row=from_row, most=most)
        return [told for row in found if (told := _report(row["report"])) is not None]

    def remove_end(self, session_id: str, rows: Sequence[Row]) -> None:
        """Delete `rows` in one transaction.

        Raises:
            CatalogError: they are not the session's end any more; nothing is deleted.
        """
        query = (
            "DELETE FROM agent_messages WHERE session_id = ? AND id >= ? RETURNING id, message_data"
        )
        with self._connect() as connection:
            removed = connection.execute(query, (session_id, rows[0].id)).fetchall()
            if {each[0]: _text(each[1]) for each in removed} != {row.id: row.data for row in rows}:
                raise CatalogError(CHANGED)

    def update_item(self, session_id: str, row: Row, item: Item) -> None:
        """Write `item` into `row`.

        A turn whose reply is edited loses its report in the same transaction: the agent did not
        write that.

        Raises:
            CatalogError: the row is not what it was; nothing is written.
        """
        query = (
            "UPDATE agent_messages SET message_data = ?"
            " WHERE session_id = ? AND id = ? AND CAST(message_data AS TEXT) = ?"
        )
        told = self.reports(session_id) if is_assistant_message(item) else []
        untrue = [(session_id, each.stored[0]) for each in told if row.id in each.stored]
        with self._connect() as connection:
            values = (json.dumps(item), session_id, row.id, row.data)
            if connection.execute(query, values).rowcount != 1:
                raise CatalogError(CHANGED)
            query = "DELETE FROM lab_turns WHERE session_id = ? AND first_row = ?"
            connection.executemany(query, untrue)

    def drop_reports(self, session_id: str) -> None:
        """Forget the reports of turns whose first row is gone."""
        self._execute(
            "DELETE FROM lab_turns WHERE session_id = ? AND first_row NOT IN"
            " (SELECT id FROM agent_messages WHERE session_id = ?)",
            *(session_id, session_id),
        )

    def _execute(self, query: str, *values: object) -> None:
        with self._connect() as connection:
            connection.execute(query, values)


def findings(rows: Sequence[Row], api: Api) -> dict[int, Finding]:
    """What is wrong with the items in these rows, by row ID."""
    readable = [row for row in rows if row.is_item and field(row.item, "__enc__") is None]
    found = {
        readable[each.place].id: each for each in diagnose([row.item for row in readable], api)
    }
    no_json = Finding(0, "form", "The row holds no JSON.", "The SDK skips it.", is_refused=False)
    return found | {row.id: no_json for row in rows if not row.is_item}


def _report(text: Any) -> TurnReport | None:
    try:
        return TurnReport.model_validate_json(text)
    except ValueError:  # pydantic's ValidationError is one.
        return None


def _row(id: int, created_at: str | None, data: str | bytes) -> Row:
    return Row(id, created_at or "", _text(data), parsed(data))


def _text(data: str | bytes) -> str:
    return data.decode(errors="replace") if isinstance(data, bytes) else data
