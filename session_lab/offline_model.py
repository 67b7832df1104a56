"""`OfflineModel`: a stand-in for a language model that shows what a session puts into a request.

It is no language model. Its reply is a function of the items in that one request and of the small
table `FACTS`: what the session didn't send, it can't know. It repeats what the user said, answers
questions about it, calculates, and calls an agent's function tools when a message names them and
holds their arguments. It sends nothing anywhere, keeps nothing between calls, and its token counts
are estimates.

It ignores handoffs and the tools that aren't function tools, and it can't fill an output type.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

from agents import (
    AgentOutputSchemaBase,
    FunctionTool,
    Handoff,
    Model,
    ModelResponse,
    ModelSettings,
    ModelTracing,
    Tool,
    TResponseInputItem,
    Usage,
    UserError,
)
from agents.items import TResponseStreamEvent
from agents.models.fake_id import FAKE_RESPONSES_ID
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseUsage,
)
from openai.types.responses.response_prompt_param import ResponsePromptParam

from session_lab.items import text_of
from session_lab.offline.events import OutputItem, response_events
from session_lab.offline.replies import reply
from session_lab.offline.request import read_conversation, results_of_this_turn
from session_lab.offline.tools import choose_calls
from session_lab.offline.world import FACTS

__all__ = ["FACTS", "OfflineModel", "estimate_tokens"]


class OfflineModel(Model):
    """Answers from the request alone; any number of runs may share one instance.

    Args:
        word_delay: Seconds between two streamed words.

    Raises:
        UserError: from a call whose agent has an `output_type` other than `str`.
    """

    def __init__(self, word_delay: float = 0.0) -> None:
        self.word_delay = word_delay

    async def get_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],
        model_settings: ModelSettings,
        tools: list[Tool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff],
        tracing: ModelTracing,
        *,
        previous_response_id: str | None = None,
        conversation_id: str | None = None,
        prompt: ResponsePromptParam | None = None,
    ) -> ModelResponse:
        """The whole reply, with an estimated `Usage`."""
        output, used = _respond(system_instructions, input, model_settings, tools, output_schema)
        usage = Usage(
            requests=1,
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            total_tokens=used.total_tokens,
        )
        return ModelResponse(output=list(output), usage=usage, response_id=None)

    async def stream_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],
        model_settings: ModelSettings,
        tools: list[Tool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff],
        tracing: ModelTracing,
        *,
        previous_response_id: str | None = None,
        conversation_id: str | None = None,
        prompt: ResponsePromptParam | None = None,
    ) -> AsyncIterator[TResponseStreamEvent]:
        """The same reply as events of the Responses API, one text delta for each word."""
        output, used = _respond(system_instructions, input, model_settings, tools, output_schema)
        for number, event in enumerate(response_events(output, used)):
            event.sequence_number = number
            if event.type == "response.output_text.delta":
                await asyncio.sleep(self.word_delay)
            yield event


def estimate_tokens(text_or_items: str | Sequence[object]) -> int:
    """About how many tokens a text or a list of items is: four characters each, and 4 an item.

    An estimate for English. Only a server knows the count of its model.
    """
    if isinstance(text_or_items, str):
        return (len(text_or_items) + 3) // 4
    return sum(4 + estimate_tokens(text_of(item)) for item in text_or_items)


def _respond(
    instructions: str | None,
    input: str | list[TResponseInputItem],
    settings: ModelSettings,
    tools: list[Tool],
    output_schema: AgentOutputSchemaBase | None,
) -> tuple[list[OutputItem], ResponseUsage]:
    if output_schema is not None and not output_schema.is_plain_text():
        raise UserError(
            f"The offline model can't produce {output_schema.name()}, only text. Use a real model"
            " for an agent with an output_type: set OPENAI_API_KEY or OPENAI_BASE_URL in .env."
        )
    items = [{"role": "user", "content": input}] if isinstance(input, str) else input
    functions = [tool for tool in tools if isinstance(tool, FunctionTool)]
    output = _output(items, functions, settings.tool_choice)
    schemas = "".join(f"{one.description}{one.params_json_schema}" for one in functions)
    sent = estimate_tokens(items) + estimate_tokens((instructions or "") + schemas)
    written = sum(estimate_tokens(_text(item)) for item in output)
    usage = ResponseUsage.model_validate(
        {
            "input_tokens": sent,
            "output_tokens": written,
            "total_tokens": sent + written,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        }
    )
    return output, usage


def _output(
    items: Sequence[object], tools: list[FunctionTool], tool_choice: object
) -> list[OutputItem]:
    """Tool calls if the last message asks for some that aren't made yet, else a text."""
    talk = read_conversation(items)
    if results := results_of_this_turn(items):
        return [_message(" ".join(results))]
    if tools and tool_choice != "none" and talk.said:
        decision = choose_calls(talk, tools, tool_choice)
        if isinstance(decision, str):
            return [_message(decision)]
        if decision:
            return [_call(name, arguments) for name, arguments in decision]
    return [_message(reply(talk))]


def _message(text: str) -> ResponseOutputMessage:
    content = ResponseOutputText(text=text, type="output_text", annotations=[], logprobs=[])
    return ResponseOutputMessage(
        id=FAKE_RESPONSES_ID,
        type="message",
        role="assistant",
        status="completed",
        content=[content],
    )


def _call(name: str, arguments: Mapping[str, Any]) -> ResponseFunctionToolCall:
    return ResponseFunctionToolCall(
        id=FAKE_RESPONSES_ID,
        type="function_call",
        call_id=f"call_{uuid4().hex}",
        name=name,
        arguments=json.dumps(arguments, ensure_ascii=False),
        status="completed",
    )


def _text(item: OutputItem) -> str:
    if isinstance(item, ResponseFunctionToolCall):
        return item.arguments
    return text_of(item.model_dump())
