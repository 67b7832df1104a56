"""What a person sees of a session's end before it is changed, and what it must still be then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from session_lab.history.items import Item, is_user_message
from session_lab.history.turns import last_turns, unanswered_turn
from session_lab.store.catalog import Catalog
from session_lab.store.database import Row, Version

WINDOW = 200
"""How many of the newest rows are read first, to find the last question among them."""


@dataclass(frozen=True)
class Seen:
    """Rows at the end of a session, and the session's version when they were seen."""

    version: Version
    rows: list[Row]

    @property
    def items(self) -> list[Item]:
        return _items(self.rows)

    @property
    def unreadable(self) -> int:
        """Rows among these that hold no JSON. They go with the others, as with `pop_item`."""
        return len(self.rows) - len(self.items)


def all_seen(catalog: Catalog, session_id: str) -> Seen:
    """The whole session."""
    rows = catalog.database(session_id).rows(session_id)
    return Seen(Version(len(rows), rows[-1].id if rows else 0), rows)


def last_turn(catalog: Catalog, session_id: str) -> Seen:
    """The whole last turn."""
    whole = all_seen(catalog, session_id)
    return Seen(whole.version, _last(whole.rows, len(last_turns(whole.items, 1))))


def last_item(catalog: Catalog, session_id: str) -> Seen:
    """The item that `pop_item` takes."""
    whole = all_seen(catalog, session_id)
    return Seen(whole.version, _last(whole.rows, 1))


def unanswered(catalog: Catalog, session_id: str) -> Seen | None:
    """The last turn, if its question is stored without an answer."""
    database = catalog.database(session_id)
    version = database.version(session_id)
    rows = database.rows(session_id, last=WINDOW)
    if not any(is_user_message(row.item) for row in rows):
        rows = database.rows(session_id)
    turn = unanswered_turn(_items(rows))
    return Seen(version, _last(rows, len(turn))) if turn else None


def _items(rows: list[Row]) -> list[Item]:
    return [cast(Item, row.item) for row in rows if row.is_item]


def _last(rows: list[Row], count: int) -> list[Row]:
    """The rows from the last `count` items on; if there are no items, every row."""
    places = [place for place, row in enumerate(rows) if row.is_item]
    return rows[places[-count] if places else 0 :]
