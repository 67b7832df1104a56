"""The events of the Responses API for a finished response."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

from agents.items import TResponseStreamEvent
from agents.models.fake_id import FAKE_RESPONSES_ID
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseContentPartAddedEvent,
    ResponseContentPartDoneEvent,
    ResponseCreatedEvent,
    ResponseFunctionCallArgumentsDeltaEvent,
    ResponseFunctionCallArgumentsDoneEvent,
    ResponseFunctionToolCall,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
    ResponseUsage,
)

OutputItem = ResponseOutputMessage | ResponseFunctionToolCall


def response_events(
    output: Sequence[OutputItem], usage: ResponseUsage
) -> Iterator[TResponseStreamEvent]:
    """The events of one response; the caller numbers them."""
    response = Response(
        id=FAKE_RESPONSES_ID,
        created_at=time.time(),
        model="offline",
        object="response",
        output=[],
        tool_choice="auto",
        tools=[],
        parallel_tool_calls=True,
        status="in_progress",
    )
    yield ResponseCreatedEvent(type="response.created", response=response, sequence_number=0)
    for index, item in enumerate(output):
        if isinstance(item, ResponseFunctionToolCall):
            yield from _call_events(item, index)
        else:
            yield from _message_events(item, index)
    done = response.model_copy(
        update={"output": list(output), "usage": usage, "status": "completed"}
    )
    yield ResponseCompletedEvent(type="response.completed", response=done, sequence_number=0)


def _message_events(item: ResponseOutputMessage, index: int) -> Iterator[TResponseStreamEvent]:
    place: dict[str, Any] = {"output_index": index, "sequence_number": 0}
    part: dict[str, Any] = {**place, "item_id": item.id, "content_index": 0}
    whole = item.content[0]
    assert isinstance(whole, ResponseOutputText)
    empty = whole.model_copy(update={"text": ""})
    started = item.model_copy(update={"content": [], "status": "in_progress"})
    yield ResponseOutputItemAddedEvent(type="response.output_item.added", item=started, **place)
    yield ResponseContentPartAddedEvent(type="response.content_part.added", part=empty, **part)
    for word in re.findall(r"\S+\s*|\s+", whole.text):
        yield ResponseTextDeltaEvent(
            type="response.output_text.delta", delta=word, logprobs=[], **part
        )
    yield ResponseTextDoneEvent(
        type="response.output_text.done", text=whole.text, logprobs=[], **part
    )
    yield ResponseContentPartDoneEvent(type="response.content_part.done", part=whole, **part)
    yield ResponseOutputItemDoneEvent(type="response.output_item.done", item=item, **place)


def _call_events(item: ResponseFunctionToolCall, index: int) -> Iterator[TResponseStreamEvent]:
    place: dict[str, Any] = {"output_index": index, "sequence_number": 0}
    started = item.model_copy(update={"arguments": "", "status": "in_progress"})
    yield ResponseOutputItemAddedEvent(type="response.output_item.added", item=started, **place)
    yield ResponseFunctionCallArgumentsDeltaEvent(
        type="response.function_call_arguments.delta",
        item_id=FAKE_RESPONSES_ID,
        delta=item.arguments,
        **place,
    )
    # Some releases of the openai package require a name here, others don't declare one.
    yield ResponseFunctionCallArgumentsDoneEvent.model_validate(
        {
            "type": "response.function_call_arguments.done",
            "item_id": FAKE_RESPONSES_ID,
            "name": item.name,
            "arguments": item.arguments,
            **place,
        }
    )
    yield ResponseOutputItemDoneEvent(type="response.output_item.done", item=item, **place)
