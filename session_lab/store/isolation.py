"""Proof from the rows that two sessions have nothing of each other."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from session_lab.history.items import is_user_message, text_of
from session_lab.store.catalog import Catalog

SHARED_ROWS = """\
SELECT count(*) AS shared_rows FROM agent_messages
WHERE session_id = :a AND id IN (SELECT id FROM agent_messages WHERE session_id = :b)"""
NEWEST_ROWS = """\
SELECT id, session_id, message_data FROM agent_messages
WHERE session_id = :session_id ORDER BY id DESC LIMIT 6"""
ROWS_WITH_TEXT = """\
SELECT id FROM agent_messages
WHERE session_id = :session_id AND instr(message_data, :text) ORDER BY id"""
SEARCHED_TEXTS = 3


@dataclass(frozen=True)
class Search:
    """A message of one session, looked for in the rows of the other."""

    text: str
    row: int
    said_in: str
    looked_in: str
    found: list[int]
    query: str


@dataclass(frozen=True)
class Proof:
    """`shared_rows` is None where the two lie in different databases, which share no row at all."""

    shared_rows: int | None
    query: str
    newest: list[dict[str, Any]]
    searches: list[Search]


def prove(catalog: Catalog, a: str, b: str, common_text: str = "") -> Proof:
    """Query the rows of the sessions `a` and `b`; `common_text` is what both were asked.

    Raises:
        sqlite3.Error: the database can't be read.
    """
    in_a, in_b = catalog.database(a), catalog.database(b)
    newest = in_a.select(NEWEST_ROWS, session_id=a) + in_b.select(NEWEST_ROWS, session_id=b)
    newest.sort(key=lambda row: int(row["id"]), reverse=True)
    shared = in_a.select(SHARED_ROWS, a=a, b=b)[0]["shared_rows"] if in_a is in_b else None
    searches = _searches(catalog, a, b, common_text) + _searches(catalog, b, a, common_text)
    return Proof(shared, with_values(SHARED_ROWS, a=a, b=b), newest, searches)


def _searches(catalog: Catalog, said_in: str, looked_in: str, common_text: str) -> list[Search]:
    newest = catalog.database(said_in).rows(said_in, last=100)[::-1]
    said = [row for row in newest if is_user_message(row.item) and text_of(row.item).strip()]
    texts = {text_of(row.item): row.id for row in said if text_of(row.item) != common_text}
    searches = []
    for text, row_id in list(texts.items())[:SEARCHED_TEXTS]:
        # The SDK stores JSON, in which quotes and other scripts are escaped.
        values = {"session_id": looked_in, "text": json.dumps(text)[1:-1]}
        found = catalog.database(looked_in).select(ROWS_WITH_TEXT, **values)
        query = with_values(ROWS_WITH_TEXT, **values)
        ids = [each["id"] for each in found]
        searches.append(Search(text, row_id, said_in, looked_in, ids, query))
    return searches


def with_values(query: str, **values: str) -> str:
    """The query as it can be pasted into any SQLite tool."""

    def literal(name: re.Match[str]) -> str:
        return "'" + values[name[1]].replace("'", "''") + "'"

    return re.sub(r":(\w+)", literal, query)
