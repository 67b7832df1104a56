"""Which tool calls a message asks for, and which handoff.

A function tool is called when the message shares a content word with its name or description and
every required argument can be read from that message: by `enum`, by type (integer, number), by the
shape of an example in its description ("for example A-1001" reads A-1002), else as a text in
quotes. Earlier items are not searched. "3 laptops and 2 mice" are two calls, one for each part.

A handoff is taken when the message asks for the agent by name: "Let me talk to Billing."
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from agents import FunctionTool, Handoff

from session_lab.models.offline.evidence import content, stem, words

Calls = list[tuple[str, dict[str, Any]]]
"""Names of tools with their arguments."""

_EXAMPLE = re.compile(r"(?:for example|e\.g\.|such as|like)[:,]? [\"'`]?([^\s\"'`,;)]+)")
_NUMBER = r"(?<![\w.,-])-?\d+(?:,\d{3})*(?:\.\d+)?(?![\w-]|[.,]\d)"
_PARTS = re.compile(r"[,;]\s|&|\band\b|\bplus\b", re.I)
_FORMATS = {"date": "2026-01-31", "email": "ann@example.org"}
_COMMON = content("get look find show number use")
_ASKS_FOR_AGENT = re.compile(
    r"\b(?:ask|connect|hand|let|need|speak|switch|talk|transfer|want)\b", re.I
)


def choose_calls(
    message: str,
    tools: Sequence[FunctionTool],
    handoffs: Sequence[Handoff[Any, Any]],
    choice: object,
) -> tuple[Calls, str | None]:
    """The calls that a message asks for, and what it lacks for another, with a message to try.

    `choice` is the `tool_choice` of `ModelSettings`: "required" takes the first tool that can be
    read though no word is shared, a name takes that tool or handoff.
    """
    if choice == "none":
        return [], None
    for handoff in handoffs:
        is_named = set(words(handoff.agent_name.casefold())) <= set(words(message.casefold()))
        if choice == handoff.tool_name or (is_named and _ASKS_FOR_AGENT.search(message)):
            return [(handoff.tool_name, {})], None
    named = [tool for tool in tools if tool.name == choice]
    said, calls, hint = content(message), Calls(), None
    for tool in sorted(named or tools, key=lambda tool: -len(said & _words(tool))):
        if not (named or said & _words(tool) or (choice == "required" and not calls)):
            continue
        readings, lacks = _readings(tool, message)
        if not lacks:
            calls += [(tool.name, arguments) for arguments in readings]
            said -= _words(tool)
        elif not hint and (readings or lacks in message.casefold()):
            name, examples = tool.name.replace("_", " "), map(_example, parameters(tool).values())
            hint = f"Your message names no {lacks} that {tool.name} can be called with."
            hint += f' Try: "{" ".join([name, *examples])}"'
    return calls, hint


def parameters(tool: FunctionTool) -> dict[str, dict[str, Any]]:
    """The JSON schema of each parameter. One of "a type or null" is read as that type."""
    properties = tool.params_json_schema.get("properties", {})
    return {name: {**(one.get("anyOf") or [{}])[0], **one} for name, one in properties.items()}


def _readings(tool: FunctionTool, message: str) -> tuple[list[dict[str, Any]], str]:
    """The arguments of each call that the message holds, and what they lack, or "".

    Each part is a call of its own, unless only the whole message is one. None is made of those
    that lack something.
    """
    parts = [_read_all(tool, part) for part in _PARTS.split(message)]
    held = [(arguments, lacks) for arguments, lacks in parts if arguments]
    lacking = next((lacks for _, lacks in held if lacks), "")
    if held and not lacking:
        return [arguments for arguments, _ in held], ""
    whole, lacks = _read_all(tool, message)
    if not lacks and all(lack for _, lack in held):
        return [whole], ""
    return [arguments for arguments, _ in held], lacking or lacks


def _read_all(tool: FunctionTool, text: str) -> tuple[dict[str, Any], str]:
    """The arguments that a text holds, and the first that it lacks, or has too many of, or ""."""
    arguments: dict[str, Any] = {}
    schemas, required = parameters(tool), tool.params_json_schema.get("required", [])
    for name, schema in schemas.items():
        value, text = _read(schema, text)
        if value is not None:
            arguments[name] = value
    for name, schema in schemas.items():
        plain = name.removesuffix("_id").replace("_", " ")
        is_optional = "default" in schema or {"type": "null"} in schema.get("anyOf", [])
        if name in required and name not in arguments and not is_optional:
            return arguments, plain
        if schema.get("enum") and _read(schema, text)[0] is not None:
            return arguments, f"single {plain}"
    return arguments, ""


def _read(schema: Mapping[str, Any], text: str) -> tuple[Any, str]:
    """One value, and the text without it."""
    sort = schema.get("type", "string")
    if options := schema.get("enum"):
        by_stem = {stem(str(option)): option for option in options}
        word = next((one for one in words(text) if stem(one) in by_stem), None)
        return (by_stem[stem(word)], text.replace(word, " ", 1)) if word else (None, text)
    is_number = sort in ("integer", "number")
    match = re.search(_NUMBER if is_number else _shape(schema), text)
    if match is None or not (is_number or sort == "string"):
        return None, text
    value: Any = json.loads(match[0].replace(",", "")) if is_number else match[0].strip('"')
    if sort == "integer" and isinstance(value, float):
        return None, text
    return value, f"{text[: match.start()]} {text[match.end() :]}"


def _shape(schema: Mapping[str, Any]) -> str:
    """A pattern of what looks like the schema's example: A-1001 gives letters, "-", digits."""
    example = _example(schema)
    if example.isalpha() or '"' in example:
        return r"\"[^\"]+\""
    shape = "".join(
        r"\d+" if run.isdigit() else r"[^\W\d_]+" if run.isalpha() else re.escape(run)
        for run in re.findall(r"[^\W\d_]+|\d+|.", example)
    )
    return rf"(?<![\w-]){shape}(?![\w-])"


def _example(schema: Mapping[str, Any]) -> str:
    """An example of an argument, as one may write it in a message."""
    if examples := schema.get("enum") or schema.get("examples"):
        return str(examples[0])
    if schema.get("type") in ("integer", "number"):
        return "2"
    found = _EXAMPLE.search(str(schema.get("description", "")))
    return found[1].rstrip(".") if found else _FORMATS.get(str(schema.get("format")), '"some text"')


def _words(tool: FunctionTool) -> set[str]:
    """The stems of its name and its description."""
    return content(f"{tool.name.replace('_', ' ')} {tool.description}") - _COMMON
