"""Conversations with the offline model, for its tests."""

from __future__ import annotations

import json
from typing import Any

from agents import (
    Agent,
    FunctionTool,
    ModelSettings,
    ModelTracing,
    Runner,
    RunResult,
    SQLiteSession,
)

from session_lab.items import text_of
from session_lab.models.offline import OfflineModel

UNKNOWN = "I don't know"


async def talk(*messages: str, tools: tuple[FunctionTool, ...] = ()) -> RunResult:
    """The last result of a conversation that a new in-memory session holds."""
    agent = Agent[Any]("Assistant", model=OfflineModel(), tools=list(tools))
    session = SQLiteSession("talk")
    try:
        for message in messages:
            result = await Runner.run(agent, message, session=session)
        return result
    finally:
        session.close()


async def reply_to(items: list[Any], *tools: FunctionTool) -> str:
    """The reply to a request of exactly these items."""
    agent = Agent[Any]("Assistant", model=OfflineModel(), tools=list(tools))
    result = await Runner.run(agent, items)
    return str(result.final_output)


async def answer(items: list[Any]) -> str:
    """Straight from the model: the SDK drops some odd items before a model sees them."""
    response = await OfflineModel().get_response(
        None, items, ModelSettings(), [], None, [], ModelTracing.DISABLED
    )
    return text_of(response.output[0].model_dump())


def calls_of(result: RunResult) -> list[tuple[str, dict[str, Any]]]:
    return [
        (item.raw_item.name, json.loads(item.raw_item.arguments))
        for item in result.new_items
        if item.type == "tool_call_item"
    ]


def check(result: RunResult, expected: str) -> None:
    """The whole reply if `expected` is a whole sentence, else a part of it."""
    reply = str(result.final_output)
    assert reply == expected if expected.endswith(".") else expected in reply
