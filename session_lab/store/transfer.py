"""A session to and from a JSON file. What `export_session` writes, `parse_session` reads."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from session_lab.history.items import Item

FORMAT = "openai-agents-session"
VERSION = 1
MAX_BYTES = 20_000_000
MAX_DEPTH = 50
"""Of objects and lists in one item. The SDK's own items nest 4 deep."""

_ROLES = ("user", "assistant", "system", "developer")
_TEXT_FIELDS = {
    "function_call": ("call_id", "name", "arguments"),
    "function_call_output": ("call_id",),
}


class TransferError(Exception):
    """The message tells a person what is wrong with the session or the file."""


@dataclass(frozen=True)
class SessionFile:
    session_id: str
    title: str
    items: list[Item]


def export_session(session_id: str, title: str, items: Sequence[Item]) -> str:
    """The text of a session file, to be saved as UTF-8.

    Raises:
        TransferError: the file could not be imported again.
    """
    _check_items(items)
    content: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "session_id": session_id,
        "title": title,
        "items": list(items),
    }
    text = json.dumps(content, ensure_ascii=False, indent=2)
    # Half of a surrogate pair has no UTF-8 form, but an escape in JSON.
    text = re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text)
    _check_size(text.encode())
    return text


def parse_session(text: str | bytes) -> SessionFile:
    """Read a session file.

    Raises:
        TransferError: it is not one, or an item in it is not one.
    """
    content = _json(text)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise TransferError("This is not a session file: export one to see what it looks like.")
    if content.get("version") != VERSION or isinstance(content["version"], bool):
        raise TransferError(
            f"This file has version {_shown(content.get('version'))} of the format;"
            f" only version {VERSION} can be read."
        )
    session_id, title = content.get("session_id"), content.get("title", "")
    if not isinstance(session_id, str) or not session_id:
        raise TransferError('The file names no session: "session_id" must be a text.')
    if not isinstance(title, str):
        raise TransferError('The "title" in the file must be a text.')
    items = content.get("items")
    if not isinstance(items, list):
        raise TransferError('The file has no list of "items".')
    _check_items(items)
    return SessionFile(session_id, title, cast("list[Item]", items))


def _json(text: str | bytes) -> Any:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    _check_size(data)
    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise TransferError("The file is not UTF-8 text.") from error
    except RecursionError as error:
        raise TransferError("The file is nested too deeply.") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise TransferError(f"The file is not JSON: {error.msg} ({place}).") from error
    except ValueError as error:
        # Newer Pythons refuse to read an integer of more than 4,300 digits.
        raise TransferError(f"A number in the file cannot be read: {error}.") from error


def _refuse_constant(name: str) -> NoReturn:
    raise TransferError(f"{name} is not a JSON number.")


def _check_size(data: bytes) -> None:
    if len(data) > MAX_BYTES:
        size = f"{len(data) / 1e6:.1f} MB"
        raise TransferError(f"A session file holds at most {MAX_BYTES / 1e6:.0f} MB, not {size}.")


def _check_items(items: Sequence[object]) -> None:
    if not items:
        raise TransferError("The session has no items.")
    for number, item in enumerate(items, start=1):
        problem = _value_problem(item, MAX_DEPTH) or _problem(item)
        if problem:
            raise TransferError(f"Item {number} {problem}.")


def _problem(item: object) -> str | None:
    if not isinstance(item, dict):
        return f"is not an object but {_shown(item)}"
    if item.get("role") is None and item.get("type") is None:
        return "has neither a role nor a type"
    item_type = item.get("type", "message")
    if not isinstance(item_type, str):
        return f"has the type {_shown(item_type)}, which is not a text"
    if not isinstance(item.get("id", ""), str):
        return "has an ID that is not a text"
    if item_type == "message":
        return _message_problem(item)
    for name in _TEXT_FIELDS.get(item_type, ()):
        if not isinstance(item.get(name), str):
            return f'is a {item_type} whose "{name}" is not a text'
    if item_type == "function_call_output" and not _is_content(item.get("output")):
        return 'is a function_call_output whose "output" is neither a text nor a list of parts'
    return None


def _message_problem(item: dict[str, Any]) -> str | None:
    if item.get("role") not in _ROLES:
        return f"has the role {_shown(item.get('role'))}; a role is one of {', '.join(_ROLES)}"
    if not _is_content(item.get("content")):
        return "is a message whose content is neither a text nor a list of parts"
    return None


def _is_content(content: object) -> bool:
    if isinstance(content, list):
        return all(isinstance(p, dict) and isinstance(p.get("type"), str) for p in content)
    return isinstance(content, str)


def _value_problem(value: object, depth: int) -> str | None:
    if depth == 0 and isinstance(value, (dict, list)):
        return f"is nested more than {MAX_DEPTH} deep"
    if isinstance(value, float) and not math.isfinite(value):
        return f"holds {value}, which is not a JSON number"
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((found for part in parts if (found := _value_problem(part, depth - 1))), None)


def _shown(value: object) -> str:
    """A value in an error message: short, and on one line."""
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:39] + "…"
