"""What a person sees of a session's end before it is changed, and what it must still be then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from session_lab.history.items import Item, is_user_message
from session_lab.history.report import WINDOW
from session_lab.history.turns import last_turns, unanswered_turn
from session_lab.store.catalog import Catalog
from session_lab.store.database import Version


@dataclass(frozen=True)
class Seen:
    """Items at the end of a session, and the session's version when they were seen."""

    version: Version
    items: list[Item]
    unreadable: int = 0
    """Rows among or after these items that hold no JSON object: the SDK's `pop_item` drops them."""


def all_seen(catalog: Catalog, session_id: str, start: int = 0) -> Seen:
    """The items from row `start` on; 0 is the oldest."""
    database = catalog.database(session_id)
    version = database.version(session_id)
    rows = database.rows(session_id)[start:]
    return Seen(version, [cast(Item, row.item) for row in rows if row.is_item])


def last_turn(catalog: Catalog, session_id: str) -> Seen:
    """The whole last turn."""
    whole = all_seen(catalog, session_id)
    return _last(catalog, session_id, whole.version, last_turns(whole.items, 1))


def last_item(catalog: Catalog, session_id: str) -> Seen:
    """The item that `pop_item` takes."""
    whole = all_seen(catalog, session_id)
    return _last(catalog, session_id, whole.version, whole.items[-1:])


def unanswered(catalog: Catalog, session_id: str) -> Seen | None:
    """The last turn, if its question is stored without an answer."""
    database = catalog.database(session_id)
    version = database.version(session_id)
    rows = database.rows(session_id, last=WINDOW)
    if not any(is_user_message(row.item) for row in rows) and version.item_count > len(rows):
        rows = database.rows(session_id)
    turn = unanswered_turn([cast(Item, row.item) for row in rows if row.is_item])
    return _last(catalog, session_id, version, turn) if turn else None


def _last(catalog: Catalog, session_id: str, version: Version, items: list[Item]) -> Seen:
    """The last items of the session, and how many unreadable rows lie among them."""
    rows = catalog.database(session_id).rows(session_id)
    readable = [index for index, row in enumerate(rows) if row.is_item]
    start = readable[-len(items)] if items else len(rows)
    return Seen(version, items, len(rows) - start - len(items))
