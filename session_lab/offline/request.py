"""From the items of one request to its conversation and to what its last tool calls returned."""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence
from typing import Any

from session_lab.items import SUMMARY_REQUEST, field, kind, text_of
from session_lab.offline.arguments import spaced
from session_lab.offline.conversation import Conversation
from session_lab.offline.wording import SAY


def read_conversation(items: Sequence[object]) -> Conversation:
    """The texts of a request's items. Items that hold no text of a conversation only count."""
    talk = Conversation(items=len(items))
    summarizing = after_tool = False
    for index, item in enumerate(items):
        role, text = kind(item), text_of(item) if field(item, "content") is not None else ""
        if role == "user":
            summarizing = text == SUMMARY_REQUEST and index + 1 < len(items)
            if not summarizing:
                talk.add_message(text)
                talk.messages += 1
                after_tool = False
        elif role == "assistant" and summarizing:
            talk.add_summary(text)
            summarizing = False
        elif role == "assistant":
            talk.add_reply(text, tells_of_the_user=not after_tool)
        elif role == "tool output":
            talk.tool_outputs.append(text_of(item))
            after_tool = True
    return talk


def results_of_this_turn(items: Sequence[object]) -> list[str]:
    """The tool outputs since the last user message, each as a sentence."""
    start = next((i for i in reversed(range(len(items))) if kind(items[i]) == "user"), -1)
    turn = items[start + 1 :]
    names = {str(field(one, "call_id")): field(one, "name") for one in turn if field(one, "name")}
    return [
        result_sentence(str(names.get(str(field(item, "call_id")), "The tool")), text_of(item))
        for item in turn
        if kind(item) == "tool output"
    ]


def result_sentence(tool_name: str, output: str) -> str:
    """A tool's output as a sentence; a bare value or JSON is told with the tool's name."""
    value = _parsed(output)
    shown = _readable(value)
    if isinstance(value, str) and len(value.split()) > 2:
        return shown if shown[-1:] in ".!?" else f"{shown}."
    return SAY["result"].format(tool_name, shown or '""')


def _parsed(output: str) -> Any:
    """JSON or, because the SDK stores `str()` of what a tool returns, a Python literal."""
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(output)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return output


def _readable(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{spaced(str(key))} {_readable(one)}" for key, one in value.items())
    if isinstance(value, list):
        return "; ".join(map(_readable, value))
    return value.strip() if isinstance(value, str) else json.dumps(value)
