"""The offline model as the SDK sees it: events, usage, settings."""

from __future__ import annotations

import time

import pytest
from agents import Agent, Runner, UserError
from agents.models.fake_id import FAKE_RESPONSES_ID
from pydantic import BaseModel

from session_lab.history.items import user_item
from session_lab.models.offline import OfflineModel, estimate_tokens


async def test_a_streamed_message_has_the_events_of_the_responses_api() -> None:
    streamed = Runner.run_streamed(Agent("Assistant", model=OfflineModel()), "Hello")
    raw = [e.data async for e in streamed.stream_events() if e.type == "raw_response_event"]
    deltas = ["Hello.", "Tell", "me", "a", "fact,", "then", "ask", "me", "for", "it."]
    assert [event.type for event in raw] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        *["response.output_text.delta"] * len(deltas),
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    ids = {event.item_id for event in raw if hasattr(event, "item_id")}
    assert ids == {FAKE_RESPONSES_ID}, "any other ID would be sent to a server later"


async def test_word_delay_is_waited_between_words() -> None:
    agent = Agent("Assistant", model=OfflineModel(word_delay=0.01))
    started = time.perf_counter()
    async for _ in Runner.run_streamed(agent, "Hello").stream_events():
        pass
    assert time.perf_counter() - started >= 0.09, "ten words came without a pause"


async def test_usage_is_an_estimate_of_the_request_and_the_reply() -> None:
    result = await Runner.run(Agent("Assistant", model=OfflineModel()), "My name is Alice")
    usage = result.context_wrapper.usage
    assert usage.requests == 1
    assert usage.input_tokens == estimate_tokens([user_item("My name is Alice")]) == 8
    assert usage.output_tokens == estimate_tokens("Noted.") == 2
    assert usage.total_tokens == 10
    call = {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "1"}
    assert estimate_tokens("") == 0
    assert estimate_tokens([None, 3, {}, call]) > 16, "any item can be estimated"


async def test_an_output_type_is_refused_with_the_remedy() -> None:
    class City(BaseModel):
        name: str

    agent = Agent("Assistant", model=OfflineModel(), output_type=City)
    with pytest.raises(UserError, match=r"can't produce City.*OPENAI_API_KEY or OPENAI_BASE_URL"):
        await Runner.run(agent, "Hello")
