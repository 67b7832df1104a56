"""The SDK's two OpenAI models, made to fit servers that are only compatible with OpenAI."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
from agents import (
    ModelBehaviorError,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    TResponseInputItem,
)
from agents.items import ModelResponse, TResponseStreamEvent
from agents.models.fake_id import FAKE_RESPONSES_ID
from openai import APIResponseValidationError, DefaultAsyncHttpx2Client

from session_lab.history.rules import Api

Input = str | list[TResponseInputItem]

TEXT_PARTS = ("text", "input_text", "output_text")


class ServerChatModel(OpenAIChatCompletionsModel):
    """Chat Completions: reads every stored message and reports usage for a streamed reply too."""

    async def get_response(
        self, system_instructions: str | None, input: Input, *args: Any, **kwargs: Any
    ) -> ModelResponse:
        return await super().get_response(system_instructions, spell_out(input), *args, **kwargs)

    async def stream_response(
        self,
        system_instructions: str | None,
        input: Input,
        model_settings: ModelSettings,
        *args: Any,
        **kwargs: Any,
    ) -> AsyncIterator[TResponseStreamEvent]:
        if model_settings.include_usage is None:
            # Unless it is asked to, a server leaves the token counts out of a stream.
            model_settings = replace(model_settings, include_usage=True)
        events = super().stream_response(
            system_instructions, spell_out(input), model_settings, *args, **kwargs
        )
        begun = False
        async for event in events:
            begun = begun or event.type == "response.created"
            if not begun:
                # The SDK takes a stream without a single chunk for an empty reply.
                raise ModelBehaviorError("the server closed the stream without an answer")
            yield event


class ServerResponsesModel(OpenAIResponsesModel):
    """The Responses API, with stored items in the form that every server reads."""

    async def get_response(
        self, system_instructions: str | None, input: Input, *args: Any, **kwargs: Any
    ) -> ModelResponse:
        return await super().get_response(
            system_instructions, without_foreign_reasoning(spell_out(input)), *args, **kwargs
        )

    async def stream_response(
        self, system_instructions: str | None, input: Input, *args: Any, **kwargs: Any
    ) -> AsyncIterator[TResponseStreamEvent]:
        events = super().stream_response(
            system_instructions, without_foreign_reasoning(spell_out(input)), *args, **kwargs
        )
        async for event in events:
            yield event


def api_of(model: object) -> Api:
    """The API that a model speaks. The offline model reads what the Responses API accepts."""
    return "Chat Completions" if isinstance(model, OpenAIChatCompletionsModel) else "Responses"


def spell_out(items: Input) -> Input:
    """The same input with every message in the form that both APIs read everywhere.

    Messages that were added by hand or by another program come in several forms, and each is
    refused somewhere. llama.cpp answers "Cannot determine type of 'item'" to an assistant message
    whose content is a string. The SDK's Chat Completions converter raises "Unhandled item type or
    structure" for one in the long form without an ID, and for a message with a field of its own.
    What is stored stays as it is: only the request is spelled out.
    """
    return items if isinstance(items, str) else [_spell_out(item) for item in items]


def _spell_out(item: Any) -> Any:
    if not isinstance(item, dict) or item.get("type", "message") != "message":
        return item
    role, content = item.get("role"), item.get("content")
    if role == "assistant":
        if not content or isinstance(content, str):
            content = [{"type": "output_text", "text": content or ""}]
        return {
            "id": item.get("id") or FAKE_RESPONSES_ID,
            "type": "message",
            "role": role,
            "status": item.get("status") or "completed",
            "content": [_output_part(part) for part in content],
        }
    if role in ("user", "system", "developer"):
        if isinstance(content, list):
            content = [_input_part(part) for part in content]
        return {"role": role, "content": content or ""}
    return item


def _output_part(part: Any) -> Any:
    if isinstance(part, dict) and part.get("type") in TEXT_PARTS:
        return {"annotations": [], **part, "type": "output_text"}
    if isinstance(part, dict) and part.get("type") == "refusal":
        # A refusal is what the assistant said; llama.cpp knows only text.
        return {"type": "output_text", "text": part.get("refusal") or "", "annotations": []}
    return part


def _input_part(part: Any) -> Any:
    if isinstance(part, dict) and part.get("type") in TEXT_PARTS:
        return {"type": "input_text", "text": part.get("text") or ""}
    return part


def without_foreign_reasoning(items: Input) -> Input:
    """The same input without reasoning that only the service that wrote it can read.

    OpenAI returns reasoning as a summary or encrypted. Another server cannot continue from that,
    and llama.cpp refuses the whole request because of it.
    """
    if isinstance(items, str):
        return items
    return [item for item in items if not _is_foreign_reasoning(item)]


def _is_foreign_reasoning(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and item.get("type") == "reasoning"
        and not isinstance(item.get("content"), list)
    )


def http_client() -> httpx2.AsyncClient:
    """An HTTP client that outlives an event loop and notices a server that is no API."""
    return DefaultAsyncHttpx2Client(
        # A kept connection belongs to the event loop that opened it, and is unusable in the next
        # asyncio.run ("Event loop is closed"). One connection for each request has no such tie.
        limits=httpx2.Limits(max_keepalive_connections=0),
        event_hooks={"response": [_require_an_api]},
    )


async def _require_an_api(response: httpx2.Response) -> None:
    """Stop at an answer that no API gives, such as a web page.

    The client library would hand a page's text on as if it were a response, and the SDK would make
    an empty reply of it when it streams.
    """
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not response.is_success or kind == "text/event-stream":
        return
    answer = _read_json(await response.aread())
    asked = _read_json(response.request.content)
    streamed = isinstance(asked, dict) and asked.get("stream")
    if streamed or not (isinstance(answer, dict) and answer.keys() & {"choices", "output"}):
        raise APIResponseValidationError(response, body=answer)


def _read_json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
