"""The arguments of a tool call, read from a message with the tool's JSON schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agents import FunctionTool

from session_lab.offline.arithmetic import expression
from session_lab.offline.words import concepts, words

COMMON_TOOL_WORDS = concepts(
    "get fetch look lookup up find show check use call return give tool number name live like work"
    " age kind count one two list from"
)
LONGEST_REQUEST = 2_000
"""A tool is asked for in a message's first characters; what follows is material."""
NUMBER = re.compile(r"(?<![\w-])(?<![\w-][.,])-?\d+(?:,\d{3})*(?:\.\d+)?(?![\w-])(?!\.\d)")
NUMBER_WORDS = re.findall(r"\w+", "zero one two three four five six seven eight nine ten eleven")
COUNTED = frozenset({"quantity", "quantities", "count", "amount", "pieces", "number", "n"})
NAME_AFTER = r" ([^\W\d_a-z][\w'-]*(?: [^\W\d_a-z][\w'-]*)*|\w+(?: \w+)?(?=\W*$| to\b| into\b))"
TEXT_ARGUMENTS = {
    "date day": re.compile(r"\b(\d{4}-\d\d-\d\d|today|tomorrow|yesterday|\w+day)\b", re.I),
    "email": re.compile(r"(\S+@[\w-]+\.[\w.-]*\w)"),
    "id number code order ticket sku reference invoice account": re.compile(
        r"(?<![\w-])#?((?=[\w-]*\d)[^\W_][\w-]*)"
    ),
    "from origin source": re.compile(rf"\bfrom{NAME_AFTER}|\b([A-Z]{{3}}) (?:to|into|in)\b"),
    "to destination target": re.compile(rf"\b(?:to|into){NAME_AFTER}"),
    "city location place town country region": re.compile(
        rf"\b(?:in|at|for|of|near|to|from){NAME_AFTER}"
    ),
}
"""How an argument of type string is read, by the words of its name; other strings need quotes, a
colon or a preposition in front."""
LONG_ID = re.compile(r"(?<![\w-])#?((?=[\w-]*\d{3})[^\W_][\w-]*)")
FREE_TEXT = re.compile(r"\"([^\"]+)\"|: (.+)|\b(?:about|that|for|named|called|saying|on) (.+)")
"""Where a text of any kind begins."""

ID_WORDS = next(kinds for kinds in TEXT_ARGUMENTS if kinds.startswith("id "))


def tool_words(tool: FunctionTool) -> frozenset[str]:
    enums = [value for one in properties(tool).values() for value in one.get("enum", [])]
    text = " ".join([spaced(tool.name), tool.description or "", *map(str, enums)])
    return concepts(text) - COMMON_TOOL_WORDS


def spaced(name: str) -> str:
    """ "lookUpOrder", "look_up_order" -> "look up order"."""
    return re.sub(r"_+|(?<=[a-z])(?=[A-Z])", " ", name)


def properties(tool: FunctionTool) -> dict[str, dict[str, Any]]:
    """The JSON schema of each parameter, without "or null" and references."""
    schema = tool.params_json_schema
    found = {}
    for name, one in schema.get("properties", {}).items():
        choices = [each for each in one.get("anyOf", []) if each.get("type") != "null"]
        inner = {**one, **(choices[0] if choices else {})}
        if reference := inner.get("$ref"):
            inner = {**schema.get("$defs", {}).get(reference.rsplit("/", 1)[-1], {}), **inner}
        found[name] = inner
    return found


def read_arguments(
    tool: FunctionTool, message: str, earlier: Sequence[str] = ()
) -> tuple[dict[str, Any], str | None]:
    """The arguments that stand in a message, and the first required one that doesn't.

    An ID that the message lacks is taken from the newest of the earlier messages that has one.
    """
    arguments: dict[str, Any] = {}
    rest = message
    for name, schema in properties(tool).items():
        value, rest = _read(name, schema, rest)
        if value is None and _text_kind(name, schema) == ID_WORDS:
            value = next((one for one in map(_known_id(tool), reversed(earlier)) if one), None)
        if value is not None:
            arguments[name] = value
        elif "default" in schema:
            arguments[name] = schema["default"]
        elif "anyOf" in schema and name in tool.params_json_schema.get("required", []):
            arguments[name] = None
        elif name in tool.params_json_schema.get("required", []):
            return arguments, name
    return arguments, None


def _known_id(tool: FunctionTool) -> Callable[[str], str | None]:
    """Reads the ID from a text that speaks of what the tool is about."""

    def read(text: str) -> str | None:
        found = LONG_ID.search(text[:LONGEST_REQUEST])
        return found[1] if found and concepts(text) & tool_words(tool) else None

    return read


def _read(name: str, schema: Mapping[str, Any], text: str) -> tuple[Any, str]:
    """One value, and the text without it, so that the next parameter gets the next value."""
    if options := schema.get("enum"):
        said = concepts(text)
        return next((one for one in options if concepts(str(one)) <= said), None), text
    if schema.get("type") in ("integer", "number"):
        return _read_number(name, schema["type"], text)
    if schema.get("type") == "boolean":
        return bool(concepts(spaced(name)) & concepts(text)), text
    if schema.get("type") == "array":
        value, rest = _read(name, schema.get("items", {}), text)
        return (None if value is None else [value]), rest
    if schema.get("type", "string") != "string":
        return None, text
    if "expression" in name.lower() or "formula" in name.lower():
        return expression(text), text
    kinds = _text_kind(name, schema)
    found = (TEXT_ARGUMENTS[kinds] if kinds else FREE_TEXT).search(text)
    if not found:
        return None, text
    group = found.lastindex or 0
    value = found[group].strip(" .!?,;:")
    return value or None, text[: found.start(group)] + text[found.end(group) :]


def _text_kind(name: str, schema: Mapping[str, Any]) -> str | None:
    parts = set(spaced(name).lower().split())
    return next((kinds for kinds in TEXT_ARGUMENTS if parts & set(kinds.split())), None)


def _read_number(name: str, kind: str, text: str) -> tuple[int | float | None, str]:
    if found := NUMBER.search(text):
        value = float(found.group().replace(",", ""))
        rest = text[: found.start()] + text[found.end() :]
        return (int(value) if kind == "integer" or value.is_integer() else value), rest
    counted = [NUMBER_WORDS.index(one) for one in words(text) if one in NUMBER_WORDS]
    if counted:
        return counted[0], re.sub(rf"\b{NUMBER_WORDS[counted[0]]}\b", "", text, count=1)
    one_piece = COUNTED & set(spaced(name).lower().split()) and re.search(r"\ban? ", text)
    return (1 if one_piece else None), text
