"""The SDK's two OpenAI models, made to fit servers that are only compatible with OpenAI."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from agents import (
    Model,
    ModelBehaviorError,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    TResponseInputItem,
    UserError,
)
from agents.items import ModelResponse, TResponseStreamEvent
from agents.models.fake_id import FAKE_RESPONSES_ID
from agents.models.reasoning_content_replay import ReasoningContentReplayContext
from openai import AsyncOpenAI

from session_lab.history.items import field, kind, parts_of
from session_lab.history.rules import Api
from session_lab.models.wire import Reply, expect_reply

Input = str | list[TResponseInputItem]


class _ServerModel(Model):
    """Sends items in a form that every server reads, and marks a reply that the server cut."""

    def fitting(self, items: Input) -> Input:
        return items if isinstance(items, str) else [spell_out(item) for item in items]

    async def get_response(
        self, system_instructions: str | None, input: Input, *args: Any, **kwargs: Any
    ) -> ModelResponse:
        with _answer() as reply:
            response = await super().get_response(  # type: ignore[safe-super]
                system_instructions, self.fitting(input), *args, **kwargs
            )
            reply.mark(response.output)
        return response

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
        with _answer() as reply:
            async for event in super().stream_response(  # type: ignore[safe-super]
                system_instructions, self.fitting(input), model_settings, *args, **kwargs
            ):
                if event.type == "response.completed":
                    reply.mark(event.response.output)
                yield event


class ServerChatModel(_ServerModel, OpenAIChatCompletionsModel):
    """Chat Completions. A server is sent back the reasoning that came from it."""

    def __init__(self, name: str, client: AsyncOpenAI) -> None:
        super().__init__(name, client, should_replay_reasoning_content=_is_own_reasoning)


class ServerResponsesModel(_ServerModel, OpenAIResponsesModel):
    """The Responses API, without reasoning that only the service that wrote it can read.

    OpenAI returns reasoning as a summary or encrypted. Another server cannot continue from that,
    and llama.cpp refuses the whole request because of it.
    """

    def fitting(self, items: Input) -> Input:
        if not isinstance(items, str):
            items = [item for item in items if kind(item) != "reasoning" or parts_of(item)]
        return super().fitting(items)


@contextmanager
def _answer() -> Iterator[Reply]:
    """The reply to come, which knows whether the server cut it.

    Raises:
        ModelBehaviorError, UserError: the SDK stumbled over the answer, or over a stored item.
    """
    reply = expect_reply()
    try:
        yield reply
    except (AttributeError, LookupError, TypeError, ValueError) as error:  # pydantic's as well
        if reply.request is not None:
            raise ModelBehaviorError(f"{type(error).__name__}: {error}") from error
        raise UserError(f"an item is not whole: {type(error).__name__}: {error}") from error


def _is_own_reasoning(context: ReasoningContentReplayContext) -> bool:
    """Some servers insist on it in a tool's turn, whatever their model is called."""
    return context.reasoning.origin_model in (None, context.model)


def api_of(model: object) -> Api:
    """The API that a model speaks. The offline model reads what the Responses API accepts."""
    return "Chat Completions" if isinstance(model, OpenAIChatCompletionsModel) else "Responses"


def spell_out(item: Any) -> Any:
    """The same item; a message in the form that both APIs read everywhere.

    Messages that were added by hand or by another program come in several forms, and each is
    refused somewhere. llama.cpp answers "Cannot determine type of 'item'" to an assistant message
    whose content is a string. The SDK's Chat Completions converter raises "Unhandled item type or
    structure" for one in the long form without an ID, and for a message with a field of its own.
    What is stored stays as it is: only the request is spelled out.
    """
    role, content = field(item, "role"), field(item, "content")
    if kind(item) == "assistant":
        if not content or isinstance(content, str):
            content = [{"type": "output_text", "text": content or ""}]
        return {
            "id": item.get("id") or FAKE_RESPONSES_ID,
            "type": "message",
            "role": role,
            "status": item.get("status") or "completed",
            "content": [_spelled(part, "output_text") for part in content],
        }
    if kind(item) in ("user", "system", "developer"):
        if isinstance(content, list):
            content = [_spelled(part, "input_text") for part in content]
        return {"role": role, "content": content or ""}
    return item


def _spelled(part: Any, form: str) -> Any:
    """A part of a message; what is a text in the form "input_text" or "output_text"."""
    sort, is_output = field(part, "type"), form == "output_text"
    # A refusal is what the assistant said; llama.cpp knows only text.
    if sort not in ("text", "input_text", "output_text", *["refusal"] * is_output):
        return part
    spelled = {"type": form, "text": part.get("refusal" if sort == "refusal" else "text") or ""}
    return {**spelled, "annotations": part.get("annotations") or []} if is_output else spelled
