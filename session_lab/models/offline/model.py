"""`OfflineModel` quotes: it looks in a request's items for what is asked, and says where it is.

    User: My name is Alice.         Assistant: Noted.
    User: What is my name?          Assistant: From item 1 of 3: "My name is Alice."
    User: Where is order A-1001?    Assistant: From item 7 of 7, output of order_status: "shipped".
    User: Where do I live?          Assistant: Nothing in the 9 items I was sent says that.

It is no language model and imitates none. Its answer is a function of the one request, so each
answer shows which sent item made it possible. "Noted." repeats nothing: what a limit cuts off is
gone, unless somebody has asked for it: then a reply says it too. Nothing is kept between calls or
sent anywhere. `reply.py` lists what applies first, `evidence.py` what fits a question, `tools.py`
when a tool is called; all that it knows besides is two tables in `facts.py`. It does no sums,
follows no "he" or "she", and finds no paraphrase. "No, it's Bob." corrects nothing; "My name is
Bob." does.
"""

from __future__ import annotations

import asyncio
import json
import re
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
from agents.items import TResponseOutputItem, TResponseStreamEvent
from agents.models.fake_id import FAKE_RESPONSES_ID
from agents.testing import ScriptedModel, assistant_message, function_call
from openai.types.responses import ResponseTextDeltaEvent

from session_lab.history.items import text_of
from session_lab.models.offline.reply import respond


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
        **_: Any,
    ) -> ModelResponse:
        """The whole reply, with an estimated `Usage`."""
        if output_schema is not None and not output_schema.is_plain_text():
            raise UserError(
                f"The offline model can't produce {output_schema.name()}, only text. Use a real"
                " model for an agent with an output_type: set OPENAI_API_KEY or OPENAI_BASE_URL in"
                " .env."
            )
        items = [{"role": "user", "content": input}] if isinstance(input, str) else input
        functions = [tool for tool in tools if isinstance(tool, FunctionTool)]
        made = respond(items, functions, handoffs, model_settings.tool_choice)
        output = [_item(one) for one in ([made] if isinstance(made, str) else made)]
        sent = estimate_tokens(items) + estimate_around(system_instructions, tools)
        written = sum(estimate_tokens(text_of(item.model_dump())) for item in output)
        usage = Usage(
            requests=1, input_tokens=sent, output_tokens=written, total_tokens=sent + written
        )
        return ModelResponse(output=output, usage=usage, response_id=None)

    async def stream_response(
        self, *request: Any, **named: Any
    ) -> AsyncIterator[TResponseStreamEvent]:
        """The same reply as events of the Responses API, one text delta for each word."""
        response = await self.get_response(*request, **named)
        # A new one for each reply: it keeps what it was sent, and so it is sent nothing.
        events = ScriptedModel([response]).stream_response(
            *(None, "", ModelSettings(), [], None, [], ModelTracing.DISABLED),
            previous_response_id=None,
            conversation_id=None,
            prompt=None,
        )
        number = 0
        async for event in events:
            parts = [event]
            if isinstance(event, ResponseTextDeltaEvent):
                pieces = re.findall(r"\S+\s*|\s+", event.delta)
                parts = [event.model_copy(update={"delta": piece}) for piece in pieces]
            for part in parts:
                if isinstance(part, ResponseTextDeltaEvent):
                    await asyncio.sleep(self.word_delay)
                part.sequence_number = number
                number += 1
                yield part


def estimate_tokens(text_or_items: str | Sequence[object]) -> int:
    """About how many tokens a text or a list of items is: four characters each, and 4 an item.

    An estimate for English, and of an image for its name alone. Only a server knows the count of
    its model.
    """
    if isinstance(text_or_items, str):
        return (len(text_or_items) + 3) // 4
    return sum(4 + estimate_tokens(text_of(item)) for item in text_or_items)


def estimate_around(instructions: str | None, tools: Sequence[Tool]) -> int:
    """About how many tokens a request holds beside its items: instructions and function tools."""
    functions = [tool for tool in tools if isinstance(tool, FunctionTool)]
    schemas = "".join(f"{one.description}{one.params_json_schema}" for one in functions)
    return estimate_tokens((instructions or "") + schemas)


def _item(made: str | tuple[str, Mapping[str, Any]]) -> TResponseOutputItem:
    # Any other ID than this would be sent to a server if the conversation went on there.
    if isinstance(made, str):
        return assistant_message(made, item_id=FAKE_RESPONSES_ID)
    arguments = json.dumps(made[1], ensure_ascii=False)
    name, call_id = made[0], f"call_{uuid4().hex}"
    return function_call(name, arguments, call_id=call_id, item_id=FAKE_RESPONSES_ID)
