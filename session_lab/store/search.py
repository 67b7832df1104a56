"""Search as a person reads: the text of the items, not the JSON around it, in any script."""

from __future__ import annotations

import json
import sqlite3
import unicodedata
from typing import cast

from session_lab.history.items import Item, text_of


def add_functions(connection: sqlite3.Connection) -> None:
    """Let its queries call `contains(text, search)` and `text_contains(message_data, search)`."""
    connection.create_function("contains", 2, contains, deterministic=True)
    connection.create_function("text_contains", 2, _text_contains, deterministic=True)


def contains(text: str, search: str) -> bool:
    """Whether a person would find `search` in the text."""
    return _folded(search) in _folded(text)


def _folded(text: str) -> str:
    """Equal for what a person reads as equal: both forms of "é", capitals, "İ" and "I"."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", folded).replace("i\u0307", "i")


def _text_contains(message_data: bytes, search: str) -> bool:
    item = parsed(message_data)
    return item is not None and contains(text_of(item), search)


def parsed(message_data: str | bytes) -> Item | None:
    """The item in a row; None if it holds no JSON."""
    try:
        return cast(Item, json.loads(message_data))
    except (ValueError, TypeError, RecursionError):
        return None
