"""Which tool calls a message asks for, and which handoff.

A function tool is called when the message shares a content word with its name or description and
every required argument can be read from that message: by `enum`, by type (integer, number), by the
shape of an example in its description ("for example A-1001" reads A-1002), else as a text in
quotes. Earlier items are not searched. "3 laptops and 2 mice" are two calls, one for each part.

A handoff is taken when the message asks for the agent by name: "Let me talk to Billing."
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from agents import FunctionTool, Handoff

from session_lab.models.offline.words import content, stem, words

Calls = list[tuple[str, dict[str, Any]]]
"""Names of tools with their arguments."""

_EXAMPLE = re.compile(r"(?:for example|e\.g\.|such as|like)[:,]? [\"'`]?([^\s\"'`,;)]+)")
_NUMBER_WORDS = "zero one two three four five six seven eight nine ten eleven twelve"
_NUMBERS = _NUMBER_WORDS.split()
_CHOICE = "\u00b7"
"""Stands where a choice was read: "a laptop" is 1 laptop."""
_NUMBER = re.compile(
    rf"(?<![\w.-])(?:-?\d+(?:,\d{{3}})*(?:\.\d+)?|{'|'.join(_NUMBERS)}|an?(?= {_CHOICE}))(?![\w-])",
    re.IGNORECASE,
)
_PARTS = re.compile(r"[,;]\s|&|\band\b|\bplus\b", re.IGNORECASE)
_FORMATS = {"date": r"\d{4}-\d\d-\d\d", "email": r"[\w.+-]+@[\w-]+\.[\w.-]*\w"}
_COMMON = frozenset(map(stem, ["get", "look", "find", "show", "number", "use"]))
_ASKS_FOR_AGENT = re.compile(
    r"\b(?:ask|connect|get|give|hand|let|need|pass|put|send|speak|switch|talk|transfer|want)\b",
    re.IGNORECASE,
)


def choose_handoff(message: str, handoffs: Sequence[Handoff[Any, Any]]) -> str | None:
    """The tool name of the handoff to the agent that the message asks for by name."""
    said = {word.text.casefold() for word in words(message)}
    for handoff in handoffs:
        name = [word.text.casefold() for word in words(handoff.agent_name)]
        if name and said.issuperset(name) and _ASKS_FOR_AGENT.search(message):
            return handoff.tool_name
    return None


def choose_calls(message: str, tools: Sequence[FunctionTool], tool_choice: object) -> Calls:
    """The calls that a message asks for. `tool_choice` is what `ModelSettings` says.

    "required" takes the first tool that can be read though no word is shared, a name takes that
    tool. A tool whose arguments the message does not hold is never called.
    """
    if tool_choice == "none":
        return []
    named = [tool for tool in tools if tool.name == tool_choice]
    said = {word.stem for word in content(message)}
    ranked = sorted(named or tools, key=lambda tool: -len(said & _words(tool)))
    calls: Calls = []
    for tool in ranked:
        if named or said & _words(tool):
            calls += [(tool.name, arguments) for arguments in _readings(tool, message)]
            said -= _words(tool)
    if not calls and tool_choice == "required":
        calls = [(tool.name, one) for tool in ranked for one in _readings(tool, message)][:1]
    return calls


def hint(message: str, tools: Sequence[FunctionTool]) -> str | None:
    """What a message lacks that names a tool and something of its arguments; with one to try."""
    said = {word.stem: word.text.casefold() for word in content(message)}
    for tool in tools:
        if not said.keys() & _words(tool) or _readings(tool, message):
            continue
        schemas = parameters(tool)
        example = " ".join(_example(one) for one in schemas.values())
        attempt = f'Try: "{tool.name.replace("_", " ")} {example}"'
        if _read_all(tool, message)[0]:
            return f"I can read only a part of what {tool.name} needs. {attempt}"
        needs = [stem(word) for name in schemas for word in name.split("_")]
        if named := next((said[one] for one in needs if one in said), None):
            return f"Your message names no {named} that {tool.name} can be called with. {attempt}"
    return None


def parameters(tool: FunctionTool) -> dict[str, dict[str, Any]]:
    """The JSON schema of each parameter, without "or null" and references."""
    schema, found = tool.params_json_schema, {}
    for name, one in schema.get("properties", {}).items():
        choices = [each for each in one.get("anyOf", []) if each.get("type") != "null"]
        inner = {**one, **(choices[0] if choices else {})}
        if reference := inner.get("$ref"):
            inner = {**schema.get("$defs", {}).get(str(reference).rsplit("/", 1)[-1], {}), **inner}
        found[name] = inner
    return found


def _readings(tool: FunctionTool, message: str) -> list[dict[str, Any]]:
    """The arguments of each call that the message holds; none if a part of it would be lost."""
    parts = [_read_all(tool, part) for part in _PARTS.split(message)]
    read = [arguments for arguments, _, _ in parts if arguments]
    if read and not any(missing or left for arguments, missing, left in parts if arguments):
        return read
    arguments, missing, left = _read_all(tool, message)
    return [] if missing or left else [arguments]


def _read_all(tool: FunctionTool, text: str) -> tuple[dict[str, Any], bool, bool]:
    """The arguments that a text holds, whether one is missing, and whether one is left."""
    arguments: dict[str, Any] = {}
    is_missing = False
    required = tool.params_json_schema.get("required", [])
    for name, schema in parameters(tool).items():
        value, text = _read(schema, text, tool)
        if value is not None:
            arguments[name] = value
        elif name in required and "default" not in schema:
            is_missing |= {"type": "null"} not in schema.get("anyOf", [])
    left = any(
        _read(one, text, tool)[0] is not None
        for one in parameters(tool).values()
        if one.get("enum")
    )
    return arguments, is_missing, left


def _read(schema: Mapping[str, Any], text: str, tool: FunctionTool) -> tuple[Any, str]:
    """One value, and the text without it."""
    kind = schema.get("type", "string")
    if options := schema.get("enum"):
        by_stem = {stem(str(option)): option for option in options}
        for word in words(text):
            if word.stem in by_stem:
                end = word.start + len(word.text)
                return by_stem[word.stem], f"{text[: word.start]}{_CHOICE}{text[end:]}"
        return None, text
    if kind in ("integer", "number"):
        pattern = _NUMBER
    elif kind == "string":
        pattern = re.compile(_shape(schema) or r"\"[^\"]+\"")
    else:
        return None, text
    match = pattern.search(text)
    if match is None:
        return None, text
    value: Any = match[0].strip('"')
    if kind != "string":
        plain = value.replace(",", "").lower()
        plain = "1" if plain in ("a", "an") else plain
        number = float(_NUMBERS.index(plain) if plain in _NUMBERS else plain)
        value = int(number) if number.is_integer() else number
        if kind == "integer" and not number.is_integer():
            return None, text
    return value, f"{text[: match.start()]} {text[match.end() :]}"


def _shape(schema: Mapping[str, Any]) -> str | None:
    """A pattern of what looks like the schema's example: A-1001 gives letters, "-", digits."""
    if known := _FORMATS.get(str(schema.get("format"))):
        return known
    example = _example(schema)
    if example.isalpha() or '"' in example:
        return None
    runs = re.findall(r"[^\W\d_]+|\d+|.", example)
    shape = [
        r"\d+" if run.isdigit() else r"[^\W\d_]+" if run.isalpha() else re.escape(run)
        for run in runs
    ]
    return rf"(?<![\w-]){''.join(shape)}(?![\w-])"


def _example(schema: Mapping[str, Any]) -> str:
    """An example of an argument, as one may write it in a message."""
    if schema.get("enum"):
        return str(schema["enum"][0])
    if schema.get("type") in ("integer", "number"):
        return "2"
    if schema.get("examples"):
        return str(schema["examples"][0])
    found = _EXAMPLE.search(str(schema.get("description", "")))
    return found[1].rstrip(".") if found else '"some text"'


def _words(tool: FunctionTool) -> set[str]:
    """The stems of its name, its description and the choices of its parameters."""
    choices = [str(one) for schema in parameters(tool).values() for one in schema.get("enum", [])]
    text = " ".join([tool.name.replace("_", " "), tool.description or "", *choices])
    return {word.stem for word in content(text)} - _COMMON
