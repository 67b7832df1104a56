"""Reading and building session items.

An item is one entry of a session: a `TResponseInputItem` of the SDK, a JSON object in the format of
the Responses API. A row of the database may hold any JSON, so every reader here accepts anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from agents import TResponseInputItem

Item = TResponseInputItem

SUMMARY_REQUEST = "Summarize the conversation so far."
"""The user half of the pair of items that stands for older turns in a request."""

TOOL_OUTPUTS = {
    "function_call": "function_call_output",
    "custom_tool_call": "custom_tool_call_output",
    "shell_call": "shell_call_output",
    "local_shell_call": "local_shell_call_output",
    "apply_patch_call": "apply_patch_call_output",
    "computer_call": "computer_call_output",
    "tool_search_call": "tool_search_output",
    "program": "program_output",
}
"""The type of each tool call that another item answers, and that item's type.

The SDK's `_TOOL_CALL_TO_OUTPUT_TYPE`, in `agents/run_internal/items.py`. All other `..._call` items
are of hosted tools and hold their own output.
"""

_HALVES = ("tool call", "tool output")
_ENDS = ("assistant", *_HALVES, "mcp approval request", "mcp approval response")
"""The kinds of items of which the last tells whether a turn is answered."""
_BOOKKEEPING = {"id", "status", "provider_data", "annotations", "logprobs"}
_AROUND = ("type", "detail", "format", "prompt_cache_breakpoint")
_TEXTS = ("text", "refusal", "transcript", "logs", "stdout", "stderr")
_ARGUMENTS = ("arguments", "input", "action", "actions", "operation", "queries", "code")
_RESULTS = ("summary", "content", "output", "outputs", "result", "results", "error", "reason")
_BINARY = {"data", "file_data", "audio", "b64_json"}
_DATA = re.compile(r"data:[\w/+.;=-]*;base64,[\w+/=-]*|(?:[A-Za-z0-9+/_-]{60,}\s*){3,}={0,2}")
"""Base64: what a data URL holds, or 180 characters and more with nothing between them but lines."""


def user_item(text: str) -> Item:
    """A user message, as `Runner.run` stores it."""
    return {"role": "user", "content": text}


def assistant_item(text: str) -> Item:
    """An assistant message, in the short form that the SDK's models and OpenAI read.

    Only llama.cpp's Responses endpoint refuses it; `models.servers` spells it out for that server.
    """
    return {"role": "assistant", "content": text}


def text_to_edit(item: object) -> str | None:
    """A message's one text. None for every item that `with_text` can't take."""
    if kind(item) not in ("user", "assistant", "system", "developer"):
        return None
    content = field(item, "content")
    own = [field(part, "text") for part in parts_of(item)]
    texts = [text for text in [content, *own] if isinstance(text, str)]
    return whole(texts[0]) if len(texts) == 1 else None


def with_text(item: Any, text: str) -> Any:
    """The same message with another text; images, files and annotations stay."""

    def changed(part: Any) -> Any:
        return {**part, "text": text} if isinstance(field(part, "text"), str) else part

    content = item["content"]
    return {**item, "content": text if isinstance(content, str) else [*map(changed, content)]}


def summary_items(summary: str) -> list[Any]:
    """The pair that replaces older turns in a request; roles alternate as chat templates expect."""
    request = {"role": "user", "content": SUMMARY_REQUEST}
    return [request, {"role": "assistant", "content": summary}]


def field(item: object, name: str) -> Any:
    """`item[name]`, or None if the item is no JSON object or has no such field."""
    return item.get(name) if isinstance(item, dict) else None


def parts_of(item: object) -> list[Any]:
    """The parts of a message's content; none if that is a string."""
    content = field(item, "content")
    return content if isinstance(content, list) else []


def kind(item: object) -> str:
    """What an item is, in the words that a page shows: "user", "tool call", "tool output", ..."""
    if not isinstance(item, Mapping):
        return "unreadable"
    if (item.get("type") or "message") == "message":
        return str(item.get("role") or "unreadable")
    name = str(item["type"])
    if name in TOOL_OUTPUTS:
        return "tool call"
    return "tool output" if name in TOOL_OUTPUTS.values() else name.replace("_", " ")


def is_user_message(item: object) -> bool:
    """An item may be any JSON; a message has a role, and its type is often left out."""
    return (
        isinstance(item, dict)
        and item.get("role") == "user"
        and (item.get("type") or "message") == "message"
    )


def is_assistant_message(item: object) -> bool:
    return kind(item) == "assistant"


def is_answered(turn: Sequence[object]) -> bool:
    """Whether a reply comes after every tool item, approval and unfinished hosted call."""
    for item in reversed(turn):
        is_open = is_hosted(item) and field(item, "status") not in (None, "completed", "failed")
        if is_open or kind(item) in _ENDS:
            return kind(item) == "assistant"
    return False


def ending(item: object) -> str:
    """How a reply ended, where that was not well: "Refused", "Empty" or "Cut off", else "".

    The API marks a reply that it had to cut with the status "incomplete".
    """
    if any(field(part, "type") == "refusal" for part in parts_of(item)):
        return "Refused"
    if not text_of(item).strip():
        return "Empty"
    return "Cut off" if field(item, "status") == "incomplete" else ""


def text_of(item: object) -> str:
    """The text a person would read in an item: a message's text, a tool call, a tool's output.

    What is no text is named with its size, such as "[image, 3.1 MB]".
    """
    return whole(_text_of(item))


def whole(text: str) -> str:
    """The text without half characters: lone surrogates are valid in JSON, but not in UTF-8."""
    return text.encode("utf-8", "replace").decode()


def _text_of(item: object) -> str:
    name = str(field(item, "type") or "message")
    if not isinstance(item, Mapping) or (name == "message" and item.get("content") is None):
        return json.dumps(item, ensure_ascii=False)
    if name == "message":
        return _content_text(item["content"])
    known = [one for one in _ARGUMENTS + _RESULTS if one in item]
    given = ", ".join(_argument(item, one) for one in known if one in _ARGUMENTS)
    lines = [_result(item, one) for one in known if one in _RESULTS]
    if name in TOOL_OUTPUTS or name.endswith("_call") or given:
        lines.insert(0, f"{tool_name(item)}({given})")
    elif isinstance(tools := item.get("tools"), list):
        lines.append(", ".join(str(field(tool, "name")) for tool in tools))
    elif "approve" in item:
        lines.insert(0, "approved" if item["approve"] else "refused")
    elif not known:
        lines = [", ".join(_leaves(item, without=_AROUND)) or str(item.get("id") or "")]
    return "\n".join(filter(None, lines))


def _argument(item: Mapping[str, Any], name: str) -> str:
    value = item[name]
    if name == "arguments" and not isinstance(value, str):  # Some servers send an object.
        value = json.dumps(value, ensure_ascii=False)
    return ", ".join(_leaves(value))


def _result(item: Mapping[str, Any], name: str) -> str:
    """A tool's output. It may be base64 as a whole, or JSON that holds some."""
    text = _content_text(item[name])
    if text and item["type"] == "image_generation_call" and name == "result":
        return f"[image, {_size(text)}]"
    return _named(text)


def _content_text(content: object) -> str:
    if isinstance(content, Sequence) and not isinstance(content, str):
        return "\n".join(filter(None, map(_part_text, content)))
    return "" if content is None else _part_text(content)


def _part_text(part: object) -> str:
    if isinstance(part, str):
        return part
    texts = [text for name in _TEXTS if isinstance(text := field(part, name), str)]
    what = re.sub("^(input|output)_", "", str(field(part, "type") or "")).replace("_", " ")
    if texts or not what:
        return "\n".join(filter(None, texts)) if texts else json.dumps(part, ensure_ascii=False)
    return f"[{', '.join([what, *_leaves(part, without=_AROUND)])}]"


def _leaves(value: object, without: Sequence[str] = ()) -> list[str]:
    """Every text and number in a JSON value, without names; of base64 its size."""
    found: list[str] = []
    rest = [("", value)]
    while rest:
        name, value = rest.pop()
        if isinstance(value, Mapping):
            hidden = {*_BOOKKEEPING, *without}
            rest += [(key, value[key]) for key in reversed(list(value)) if key not in hidden]
        elif isinstance(value, str):
            is_binary = name in _BINARY and "://" not in value
            text = _size(value) if is_binary else _DATA.sub(lambda match: _size(match[0]), value)
            found += [text] if text else []
        elif isinstance(value, Sequence):
            rest += [(name, part) for part in reversed(value)]
        elif value is not None:
            found.append(json.dumps(value))
    return found


def without_base64(value: Any) -> Any:
    """The same JSON with sizes for base64, to be looked at: megabytes of it stop a browser."""

    def shortened(fields: dict[str, Any]) -> dict[str, Any]:
        return {k: _named(v) if isinstance(v, str) else v for k, v in fields.items()}

    return json.loads(json.dumps(value), object_hook=shortened)


def _named(text: str) -> str:
    return _DATA.sub(lambda found: f"[base64, {_size(found[0])}]", text)


def _size(base64: str) -> str:
    count = len(base64.rpartition(",")[2]) * 3 // 4
    if count < 1000:
        return f"{count:d} bytes"
    return f"{count / 1e3:.0f} KB" if count < 1e6 else f"{count / 1e6:.1f} MB"


def tool_name(item: object) -> str:
    """The name of the tool that an item calls. Hosted tools are named by the item's type."""
    return str(field(item, "name") or str(field(item, "type")).removesuffix("_call"))


def is_hosted(item: object) -> bool:
    """Whether an item is the call of a hosted tool, which holds its own output."""
    return kind(item).endswith(" call") and kind(item) not in _HALVES


def output_of(item: object) -> str:
    """What a tool or a hosted tool gave back; "" for every other item."""
    if not isinstance(item, Mapping) or not (is_hosted(item) or kind(item) == "tool output"):
        return ""
    return whole("\n".join(filter(None, (_result(item, one) for one in _RESULTS if one in item))))


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
        media = [part for part in parts_of(item) if field(part, "text") is None]
        core = {"role": item.get("role"), "text": text_of(item), "media": media}
    return json.dumps(core, sort_keys=True, default=str)


Pair = tuple[str, str | None]


def pair_of(item: object) -> Pair | None:
    """What a tool call and its output have in common: the output's type and the call ID.

    None for any other item. The ID is None where it is missing, and then only tool searches pair.
    """
    if kind(item) not in _HALVES:
        return None
    name, call_id = str(field(item, "type")), field(item, "call_id")
    return TOOL_OUTPUTS.get(name, name), call_id if isinstance(call_id, str) else None
