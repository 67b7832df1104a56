"""A stand-in for OpenAI's Responses API with a reasoning model, as strict as OpenAI is said to be.

Every item of its responses has an ID, and it knows which reasoning led to which item. A message
that says "tool" makes it call the agent's first tool.
"""

from __future__ import annotations

import json
from typing import Any

from loopback_server import Answer, LoopbackServer, Request

from session_lab.history.items import field, text_of

ARGUMENTS = {
    "days_between": {"start_date": "2026-01-01", "end_date": "2026-01-03"},
    "order_status": {"order_id": "A-1002"},
}


class StrictOpenAI(LoopbackServer):
    """`refusals` are the errors that it answered with."""

    def __init__(self) -> None:
        super().__init__()
        self.output = self._respond
        self.refusals: list[str] = []
        self._responses: list[list[str]] = []

    def _respond(self, request: Request) -> Answer | list[Any]:
        items = request.items
        if problem := self.refuses(items):
            self.refusals.append(problem)
            return Answer(400, json.dumps({"error": {"message": problem, "type": "invalid"}}))
        calls_tool = "tool" in text_of(items[-1]) and field(items[-1], "role") == "user"
        tool = request.body["tools"][0]["name"] if calls_tool else None
        return self.respond(f"I read {len(items)} items.", tool)

    def respond(self, text: str, *tools: str | None) -> list[Any]:
        """A new response: reasoning, then calls of `tools`, or a message."""
        number = len(self._responses)
        items: list[Any] = [{"type": "reasoning", "id": f"rs_{number}", "summary": []}]
        for n, tool in enumerate(filter(None, tools)):
            arguments = json.dumps(ARGUMENTS.get(tool, {}))
            call = {"call_id": f"call_{number}_{n}", "name": tool, "arguments": arguments}
            items.append({"type": "function_call", "id": f"fc_{number}_{n}", **call})
        if len(items) == 1:
            content = [{"type": "output_text", "text": text, "annotations": []}]
            message = {"type": "message", "id": f"msg_{number}", "role": "assistant"}
            items.append({**message, "content": content})
        self._responses.append([item["id"] for item in items])
        return items

    def refuses(self, items: list[Any]) -> str | None:
        """The error with which OpenAI answers a request with this input; None if it takes it."""
        ids = [field(item, "id") for item in items]
        calls = [item["call_id"] for item in items if field(item, "type") == "function_call"]
        for place, item in enumerate(items):
            item_id, kind = ids[place], field(item, "type")
            if not isinstance(item, dict):
                return f"Invalid value for 'input[{place}]'"
            if item_id is not None and ids.count(item_id) > 1:
                return f"Duplicate item found with id {item_id}"
            if kind == "function_call":
                if not any(_is_output(later, item["call_id"]) for later in items[place:]):
                    return f"No tool output found for function call {item['call_id']}"
                if calls.count(item["call_id"]) > 1:
                    return f"Duplicate call_id {item['call_id']}"
            if kind == "function_call_output" and not any(
                field(earlier, "type") == "function_call" and earlier["call_id"] == item["call_id"]
                for earlier in items[:place]
            ):
                return f"No tool call found for function call output {item['call_id']}"
            if item_id is None:
                continue
            start = {"reasoning": "rs", "function_call": "fc", "message": "msg"}[kind]
            if not item_id.startswith(start):
                return f"Invalid 'input[{place}].id': '{item_id}'. Expected an ID with '{start}'."
            response = next((ids for ids in self._responses if item_id in ids), [item_id])
            if kind == "reasoning" and ids[place + 1 : place + 2] != response[1:2]:
                return f"Item '{item_id}' of type 'reasoning' was provided without its follower"
            if kind != "reasoning" and response[0] != item_id and response[0] not in ids[:place]:
                return f"Item '{item_id}' was provided without its 'reasoning' item: {response[0]}"
        return None


def _is_output(item: Any, call_id: str) -> bool:
    return field(item, "type") == "function_call_output" and item["call_id"] == call_id
