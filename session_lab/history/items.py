"""Reading and building session items.

An item is one entry of a session: a `TResponseInputItem` of the SDK, a JSON object in the format of
the Responses API. A row of the database may hold any JSON, so every reader here accepts anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agents import TResponseInputItem

Item = TResponseInputItem

SUMMARY_REQUEST = "Summarize the conversation so far."
"""The user half of the pair of items that stands for older turns in a request."""

EDITABLE = ("user", "assistant", "system", "developer")
"""The kinds of items that `with_text` takes: messages."""

_BOOKKEEPING = {"id", "status", "provider_data", "annotations", "logprobs"}


def user_item(text: str) -> Item:
    """A user message, as `Runner.run` stores it."""
    return {"role": "user", "content": text}


def assistant_item(text: str) -> Item:
    """An assistant message, in the short form that the SDK's models and OpenAI read.

    Only llama.cpp's Responses endpoint refuses it; `models.servers` spells it out for that server.
    """
    return {"role": "assistant", "content": text}


def with_text(item: Any, text: str) -> Any:
    """The same message with another text."""
    if not isinstance(item.get("content"), list):
        return {**item, "content": text}
    part: dict[str, Any] = {"type": "input_text", "text": text}
    if is_assistant_message(item):
        part = {"type": "output_text", "text": text, "annotations": []}
    return {**item, "content": [part]}


def summary_items(summary: str) -> list[Any]:
    """The pair that replaces older turns in a request; roles alternate as chat templates expect."""
    request = {"role": "user", "content": SUMMARY_REQUEST}
    return [request, {"role": "assistant", "content": summary}]


def field(item: object, name: str) -> Any:
    """`item[name]`, or None if the item is no JSON object or has no such field."""
    return item.get(name) if isinstance(item, Mapping) else None


def kind(item: object) -> str:
    """What an item is, in the words that a page shows: "user", "tool call", "tool output", ..."""
    if not isinstance(item, Mapping):
        return "unreadable"
    if (item.get("type") or "message") == "message":
        return str(item.get("role") or "unreadable")
    names = {"function_call": "tool call", "function_call_output": "tool output"}
    return names.get(str(item["type"]), str(item["type"]).replace("_", " "))


def is_user_message(item: object) -> bool:
    """An item may be any JSON; a message has a role, and its type is often left out."""
    return (
        isinstance(item, dict)
        and item.get("role") == "user"
        and (item.get("type") or "message") == "message"
    )


def is_assistant_message(item: object) -> bool:
    return kind(item) == "assistant"


def text_of(item: object) -> str:
    """The text a person would read in an item: a message's text, a tool call, a tool's output."""
    # Half of a surrogate pair is valid in JSON, but can be neither shown nor stored as UTF-8.
    return _text_of(item).encode("utf-8", "replace").decode()


def _text_of(item: object) -> str:
    if field(item, "type") == "function_call":
        return f"{field(item, 'name')}({field(item, 'arguments') or ''})"
    if field(item, "type") == "function_call_output":
        return _content_text(field(item, "output"))
    if field(item, "type") == "reasoning":
        return _content_text(field(item, "summary"))
    content = field(item, "content")
    return _content_text(content) if content is not None else json.dumps(item, ensure_ascii=False)


def _content_text(content: object) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        return "\n".join(filter(None, (_part_text(part) for part in content)))
    return "" if content is None else json.dumps(content, ensure_ascii=False)


def _part_text(part: object) -> str:
    for name in ("text", "refusal"):
        if isinstance(value := field(part, name), str):
            return value
    part_type = field(part, "type")
    return f"[{part_type}]" if part_type else ""


def one_line(item: object, width: int = 100) -> str:
    """An item's text on one line of at most `width` characters."""
    text = text_of(item)[: 4 * width + 400]
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


def fingerprint(item: object) -> str:
    """Equal for two items that say the same, whatever IDs and status a server gave them.

    The SDK drops or rewrites those fields between the stored row and the request
    (`normalize_input_items_for_api`), so they can't be used to find a stored item in a request.
    """
    if not isinstance(item, Mapping):
        return json.dumps(item, sort_keys=True, default=str)
    core = {key: value for key, value in item.items() if key not in _BOOKKEEPING}
    if (core.get("type") or "message") == "message":
        core = {"role": item.get("role"), "text": text_of(item)}
    return json.dumps(core, sort_keys=True, default=str)


def call_ids(items: Sequence[object], item_type: str) -> set[str]:
    """The `call_id` of every item of that type ("function_call" or "function_call_output")."""
    return {str(field(item, "call_id")) for item in items if field(item, "type") == item_type}


def split_call_ids(items: Sequence[object]) -> set[str]:
    """The call IDs whose tool call or whose output is missing from `items`."""
    calls = call_ids(items, "function_call")
    return calls ^ call_ids(items, "function_call_output")
