"""Which function tools a message asks for."""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Any

from agents import FunctionTool

from session_lab.offline.arguments import (
    COMMON_TOOL_WORDS,
    LONGEST_REQUEST,
    properties,
    read_arguments,
    spaced,
    tool_words,
)
from session_lab.offline.clauses import clauses
from session_lab.offline.conversation import Conversation
from session_lab.offline.repeated import in_own_words
from session_lab.offline.replies import reply
from session_lab.offline.wording import SAY
from session_lab.offline.words import concepts, normalise

STATES_SOMETHING = re.compile(
    r"(?:i (?!want|need|would like)|my|we|our|he|she|they|the|it|this|that)\b", re.IGNORECASE
)
SPEAKS_OF_SOMEBODY = re.compile(r"(?:i|my|we|our|he|she|they)\b", re.IGNORECASE)
ASKS_ABOUT_THE_USER = re.compile(r"(?:do|did|have|had|am|was)(?: not)? (?:i|we)\b", re.IGNORECASE)
SAVES = re.compile(r"(?:please )?(?:remember|save|note|store)\b", re.IGNORECASE)
HOW_MUCH = re.compile(r"\bhow much\b", re.IGNORECASE)
ASKS_FOR_ARGUMENT = re.compile(
    r"what (?:is|was|are) my\b|.*\b(?:know|remember|recall|tell me|told you) (?:what )?my\b",
    re.IGNORECASE,
)

Decision = list[tuple[str, dict[str, Any]]] | str
"""Calls as names with arguments, or the question for an argument that is missing."""


def choose_calls(talk: Conversation, tools: list[FunctionTool], tool_choice: object) -> Decision:
    """The calls that the last message asks for; a message can ask for several tools."""
    message = _with_the_question_before(talk, tools)
    wanted = _wanted_tools(message, tools, tool_choice)
    calls, missing = [], ""
    earlier = [in_own_words(one) for one in talk.evidence[:-1]] if wanted else []
    for tool in wanted:
        arguments, unread = read_arguments(tool, message, earlier)
        if not unread:
            calls.append((tool.name, arguments))
        elif not missing:
            missing = SAY["ask_argument"].format(unread, tool.name)
    if calls or not missing:
        return calls
    if not any(one.asks for one in clauses(message)):
        return missing
    known = reply(talk)
    no_answer = (SAY["unknown"].split(":")[0], SAY["self"], SAY["real_model"])
    return missing if known.startswith(no_answer) else known


def _with_the_question_before(talk: Conversation, tools: list[FunctionTool]) -> str:
    """The message; if it answers "Which order_id ...?", then with the request it belongs to."""
    message = normalise(talk.said[-1][:LONGEST_REQUEST])
    asked = [tool for tool in tools if talk.replies and _asked_for(tool, talk.replies[-1])]
    if len(talk.said) < 2 or not asked or any(one.asks for one in clauses(message)):
        return message
    if SPEAKS_OF_SOMEBODY.match(message) and not concepts(message) & tool_words(asked[0]):
        return message
    return f"{normalise(talk.said[-2])} {message}"


def _asked_for(tool: FunctionTool, text: str) -> bool:
    return any(
        text == SAY["ask_argument"].format(name, tool.name)
        for name in tool.params_json_schema.get("properties", {})
    )


def _wanted_tools(
    message: str, tools: list[FunctionTool], tool_choice: object
) -> list[FunctionTool]:
    """The tools whose words the message holds; each word speaks for one tool only."""
    named = [tool for tool in tools if tool.name == tool_choice]
    if named:
        return named
    saving = SAVES.match(message)
    asking = [
        one
        for one in clauses(message)
        if saving or not (ASKS_ABOUT_THE_USER if one.asks else STATES_SOMETHING).match(one.text)
    ]
    left = concepts(" ".join(["save a note" if saving else "", *(one.text for one in asking)]))
    left |= {"price"} if HOW_MUCH.search(message) else set()
    left -= COMMON_TOOL_WORDS
    wanted = []
    while tools:
        best = max(tools, key=lambda tool: _score(tool, left))
        if _score(best, left) < 2 or _asks_for_argument(best, message):
            break
        wanted.append(best)
        left -= tool_words(best)
        tools = [tool for tool in tools if tool is not best]
    return wanted or (tools[:1] if tool_choice == "required" else [])


def _score(tool: FunctionTool, left: Set[str]) -> int:
    """Words of the name count twice."""
    return len(left & tool_words(tool)) + len(left & concepts(spaced(tool.name)))


def _asks_for_argument(tool: FunctionTool, message: str) -> bool:
    """Whether "What is my order number?" asks for what the tool needs, not for the tool."""
    names = concepts(" ".join(map(spaced, properties(tool)))) | {"number"}
    return bool(ASKS_FOR_ARGUMENT.match(message)) and concepts(message) <= names
