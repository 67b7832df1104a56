"""The offline model as the SDK sees it: events, usage, settings, and any item as input."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from agents import (
    Agent,
    Runner,
    UserError,
    function_tool,
)
from offline_tools import answer, talk
from openai.types.responses import ResponseTextDeltaEvent
from pydantic import BaseModel

from session_lab.items import assistant_item, user_item
from session_lab.models.offline import OfflineModel, estimate_tokens


@function_tool
def order_status(order_id: str) -> str:
    """Look up the status of an order."""
    return f"Order {order_id} is shipped."


@pytest.mark.parametrize("message", ["My name is Alice", "What is the status of order A-1001?"])
async def test_streamed_events_make_up_the_same_items(message: str) -> None:
    agent = Agent[Any]("Assistant", model=OfflineModel(), tools=[order_status])
    whole = await Runner.run(agent, message)
    streamed = Runner.run_streamed(agent, message)
    events = [event async for event in streamed.stream_events()]
    raw = [event.data for event in events if event.type == "raw_response_event"]
    deltas = [event.delta for event in raw if isinstance(event, ResponseTextDeltaEvent)]
    assert len(deltas) == len(str(whole.final_output).split())
    assert "".join(deltas) == streamed.final_output == whole.final_output
    assert [item.type for item in streamed.new_items] == [item.type for item in whole.new_items]
    assert streamed.context_wrapper.usage == whole.context_wrapper.usage
    starts = [i for i, event in enumerate(raw) if event.type == "response.created"]
    assert len(starts) == len(whole.raw_responses)
    for start, end in zip(starts, [*starts[1:], len(raw)], strict=True):
        assert raw[end - 1].type == "response.completed"
        assert [event.sequence_number for event in raw[start:end]] == list(range(end - start))


async def test_a_streamed_message_has_the_events_of_the_responses_api() -> None:
    streamed = Runner.run_streamed(Agent("Assistant", model=OfflineModel()), "Hello")
    types = [e.data.type async for e in streamed.stream_events() if e.type == "raw_response_event"]
    deltas = ["Hello.", "Tell", "me", "something,", "then", "ask", "me", "about", "it."]
    assert types == [
        "response.created",
        "response.output_item.added",
        "response.content_part.added",
        *["response.output_text.delta"] * len(deltas),
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]


async def test_word_delay_is_waited_between_words() -> None:
    agent = Agent("Assistant", model=OfflineModel(word_delay=0.01))
    started = time.perf_counter()
    async for _ in Runner.run_streamed(agent, "Hello").stream_events():
        pass
    assert time.perf_counter() - started >= 0.08, "nine words came without a pause"


async def test_usage_counts_the_request_and_grows_with_it() -> None:
    usage = (await talk("My name is Alice")).context_wrapper.usage
    longer = (await talk("My name is Alice", "What's my name?")).context_wrapper.usage
    assert usage.requests == longer.requests == 1
    assert usage.input_tokens == estimate_tokens([user_item("My name is Alice")]) == 8
    assert usage.output_tokens == estimate_tokens("Noted: your name is Alice.") == 7
    assert usage.total_tokens == 15
    assert longer.input_tokens > usage.input_tokens


def test_estimate_tokens_accepts_any_item() -> None:
    call = {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "1"}
    assert estimate_tokens("") == 0
    assert estimate_tokens([None, 3, {}, call]) > 16


async def test_an_output_type_is_refused_with_the_remedy() -> None:
    class City(BaseModel):
        name: str

    agent = Agent("Assistant", model=OfflineModel(), output_type=City)
    with pytest.raises(UserError, match=r"can't produce City.*OPENAI_API_KEY or OPENAI_BASE_URL"):
        await Runner.run(agent, "Hello")


async def test_runs_at_once_answer_as_one_after_another() -> None:
    model = OfflineModel()

    async def run(name: str) -> str:
        items = [user_item(f"My name is {name}"), user_item("What's my name?")]
        return str((await Runner.run(Agent("Assistant", model=model), items)).final_output)

    names = ["Ann", "Bob", "Cy", "Dee", "Eve"] * 4
    answers = await asyncio.gather(*map(run, names))
    assert answers == [f"Your name is {name}." for name in names]


ODD_ITEMS: list[Any] = [
    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm"}]},
    {"type": "function_call", "name": "f", "arguments": "{", "call_id": "lost"},
    {"type": "function_call_output", "call_id": "nowhere", "output": [{"type": "input_image"}]},
    {"type": "web_search_call", "id": "ws_1", "status": "completed"},
    {"type": "invented_later", "content": {"a": 1}},
    {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
    {"role": "user", "content": None},
    {"role": "user", "content": [{"type": "input_image", "image_url": "data:,"}]},
    {"role": "assistant", "content": 7},
    {"role": "user"},
    {},
    None,
    "text",
    3,
]


async def test_odd_items_are_counted_and_skipped() -> None:
    content = [{"type": "input_text", "text": "What's my name?"}]
    items = [user_item("My name is Alice"), *ODD_ITEMS, {"role": "user", "content": content}]
    assert await answer(items) == "Your name is Alice."
    assert await answer(items[1:]) == "I don't know: none of the 15 items I was sent says so."


@pytest.mark.parametrize("item", ODD_ITEMS, ids=str)
async def test_a_request_of_one_odd_item_is_answered(item: Any) -> None:
    assert await answer([item])


async def test_no_item_at_all() -> None:
    assert await answer([]) == "I was sent no message of yours."


@pytest.mark.parametrize(
    "text",
    [
        "I like tea. " * 8_000,
        "what did i say " * 6_000 + "?",
        "(" * 100_000,
        "1+" * 50_000 + "1",
        "and I " * 16_000,
        "\n" * 100_000,
        "ok you and your " * 6_000,
        "\u201c" * 100_000,
        "ok " * 30_000,
    ],
    ids=["sentences", "question", "brackets", "sum", "clauses", "lines", "you", "quotes", "ok"],
)
async def test_a_message_of_100_kb_is_answered_at_once(text: str) -> None:
    started = time.process_time()
    await answer([user_item(text)])
    await answer([user_item(text), user_item("What's my name?")])
    assert time.process_time() - started < 1, "a long message holds up the event loop"
    started = time.process_time()
    await answer([assistant_item(text), user_item("What's my name?")])
    assert time.process_time() - started < 1, "a long reply holds up the event loop"


async def test_10_000_items_are_answered_at_once() -> None:
    turns = [(user_item(f"My item{i} is V{i}."), assistant_item("Noted.")) for i in range(5_000)]
    items = [item for turn in turns for item in turn]
    started = time.process_time()
    assert await answer([*items, user_item("What is my item7?")]) == "Your item7 is V7."
    assert time.process_time() - started < 1.5
