"""A session to and from a JSON file. What `export_session` writes, `parse_session` reads."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, InstanceOf, Tag, TypeAdapter, ValidationError
from typing_extensions import NotRequired, TypedDict

from session_lab.history.items import Item
from session_lab.store.database import CatalogError

FORMAT = "openai-agents-session"
VERSION = 1
MAX_BYTES = 20_000_000
MAX_DEPTH = 50
"""Of objects and lists in one item. The SDK's own items nest 4 deep."""


class SessionFile(BaseModel):
    """`items` are as they stand in the file, with every field, known or not."""

    version: Literal[1]
    session_id: str = Field(min_length=1)
    title: str = ""
    items: list[Any]


# Half of a surrogate pair is valid in JSON and in a `str`, but not in pydantic's own strings.
_Text = InstanceOf[str]


class _Item(TypedDict):
    type: NotRequired[_Text]
    id: NotRequired[_Text]


class _Part(TypedDict):
    type: _Text


_Content = Annotated[
    Annotated[_Text, Tag("text")] | Annotated[list[_Part], Tag("parts")],
    Discriminator(
        lambda content: {str: "text", list: "parts"}.get(type(content)),
        custom_error_type="content",
        custom_error_message="Input should be a text or a list of parts",
    ),
]


class _Message(_Item):
    role: Literal["user", "assistant", "system", "developer"]
    content: _Content


class _Call(_Item):
    call_id: _Text
    name: _Text
    arguments: _Text


class _Output(_Item):
    call_id: _Text
    output: _Content


_ANY_ITEM = TypeAdapter[Any](_Item)
_ITEMS = {
    "message": TypeAdapter[Any](_Message),
    "function_call": TypeAdapter[Any](_Call),
    "function_call_output": TypeAdapter[Any](_Output),
}
"""What an item of a type must hold, to be shown and sent. Other types are for the API to judge."""


def export_session(session_id: str, title: str, items: Sequence[Item]) -> str:
    """The text of a session file, to be saved as UTF-8.

    Raises:
        CatalogError: the file could not be imported again.
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
        CatalogError: it is not one, or an item in it is not one.
    """
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    _check_size(data)
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise CatalogError(f"The file cannot be read as JSON: {error}.") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CatalogError("This is not a session file: export one to see what it looks like.")
    try:
        found = SessionFile.model_validate(content)
    except ValidationError as error:
        raise CatalogError(f"The file cannot be imported: {_first_problem(error)}.") from error
    _check_items(found.items)
    return found


def _check_size(data: bytes) -> None:
    if len(data) > MAX_BYTES:
        size = f"{len(data) / 1e6:.1f} MB"
        raise CatalogError(f"A session file holds at most {MAX_BYTES / 1e6:.0f} MB, not {size}.")


def _check_items(items: Sequence[Any]) -> None:
    if not items:
        raise CatalogError("The session has no items.")
    for number, item in enumerate(items, start=1):
        if problem := _value_problem(item, MAX_DEPTH):
            raise CatalogError(f"Item {number}: {problem}.")
        item_type = item.get("type", "message") if isinstance(item, dict) else None
        try:
            _ITEMS.get(str(item_type), _ANY_ITEM).validate_python(item)
        except ValidationError as error:
            raise CatalogError(f"Item {number}: {_first_problem(error)}.") from error


def _value_problem(value: object, depth: int) -> str | None:
    if depth == 0 and isinstance(value, (dict, list)):
        return f"it is nested more than {MAX_DEPTH} deep"
    if isinstance(value, float) and not math.isfinite(value):
        return f"it holds {value}, which is not a JSON number"
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((found for part in parts if (found := _value_problem(part, depth - 1))), None)


def _first_problem(error: ValidationError) -> str:
    """Where and what, in pydantic's words, without the value: it may be a whole item."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))
