"""What holds for the offline model whatever it is sent."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from agents import ModelResponse, ModelSettings, ModelTracing
from hypothesis import given, settings
from hypothesis import strategies as st
from policy_tools import json_values

from session_lab.code_view.agents import TOOLS
from session_lab.history.items import SUMMARY_REQUEST, assistant_item, text_of, user_item
from session_lab.models.offline import FACTS, OfflineModel
from session_lab.models.offline.facts import GLOSSARY, HOW_THIS_WORKS
from session_lab.models.offline.reply import HELLO, NO_MODEL, NOTHING_STATED

NAMES = ["Alice", "Bob", "Zoë", "Dmitri", "Jean-Luc", "Al", "Mei"]
CITIES = ["Oslo", "Lima", "Kyiv", "Porto", "San Francisco", "New York"]
STATEMENTS = [
    "My name is {name}.",
    "I'm {name}, a nurse from {city}.",
    "i live in {city} and work as a cook",
    'They say "{name}"! I moved to {city}. I saw the Golden Gate Bridge.',
    "My sister's cat is called {name}; my brother is a pilot",
    "The user's name is {name}. The user lives in {city}.",
    "{name} pays for order A-1001\nand for 3 laptops and 2 mice",
]
QUESTIONS = [
    "What's my name?",
    "Where do I live, and what do I do for work?",
    "What is my sister's cat called?",
    "What did I tell you about {name}?",
    "What do you know about me?",
    "What state is it in? What is the capital of that state?",
    "What is an item, and a turn?",
    "Where is order A-1001?",
    SUMMARY_REQUEST,
    "Write a poem about {city}",
]


def filled(templates: list[str]) -> st.SearchStrategy[str]:
    some = (st.sampled_from(one) for one in (templates, NAMES, CITIES))
    return st.builds(lambda text, name, city: text.format(name=name, city=city), *some)


statements, questions = filled(STATEMENTS), filled(QUESTIONS)
texts = statements | questions | st.text(max_size=60)
call = {"type": "function_call", "call_id": "c", "name": "order_status", "arguments": "{}"}
items = (
    texts.map(user_item)
    | st.sampled_from(NAMES).map(lambda name: assistant_item(f'From item 1 of 3: "I am {name}."'))
    | statements.map(assistant_item)
    | statements.map(lambda text: {"type": "function_call_output", "call_id": "c", "output": text})
    | st.just(call)
)
requests = st.builds(
    lambda *some: [*some[0], user_item(some[1])], st.lists(items, max_size=8), texts
)


async def respond(items: list[Any], *tools: Any) -> ModelResponse:
    """Straight from the model: the SDK drops some odd items before a model sees them."""
    return await OfflineModel().get_response(
        None, items, ModelSettings(), list(tools), None, [], ModelTracing.DISABLED
    )


async def answer(items: list[Any], *tools: Any) -> str:
    return text_of((await respond(items, *tools)).output[0].model_dump())


def reply_to(items: list[Any]) -> str:
    return asyncio.run(answer(items))


def quotes(reply: str) -> list[tuple[int, str]]:
    """The places that a reply names, with what it quotes from there."""
    pattern = r'item (\d+) of \d+(?:, [\w ]+)?: "(.*?)"(?: …)?\.?(?=\n[FN]|\Z)'
    return [(int(place), text) for place, text in re.findall(pattern, reply, re.DOTALL)]


async def conversation(said: list[str]) -> list[Any]:
    """Each message with the reply that the model gave to all before it."""
    items: list[Any] = []
    for text in said:
        items.append(user_item(text))
        items.append(assistant_item(await answer(items)))
    return items


FRAME = (
    "From item of, my earlier reply, a summary, output of order_status. Noted. The nearest is what"
    ' "it", "that state" is. Nothing in the items I was sent says that, from item'
)


@given(requests, questions)
def test_a_reply_says_only_what_the_request_or_a_table_holds(
    request: list[Any], asked: str
) -> None:
    for sent in (request, [*request, assistant_item("Noted."), user_item(asked)]):
        reply = reply_to(sent)
        for place, text in quotes(reply):
            assert text in text_of(sent[place - 1]), f"{reply!r} quotes what is not there"
        own = [FRAME, HELLO, NO_MODEL, NOTHING_STATED, HOW_THIS_WORKS, str(FACTS)]
        known = " ".join([*own, *GLOSSARY.values(), *map(text_of, sent)]).lower()
        said = {word for word in re.findall(r"\w+", reply.lower()) if not word.isdecimal()}
        assert said <= set(re.findall(r"\w+", known))


@settings(max_examples=30)
@given(st.lists(requests, min_size=2, max_size=4))
def test_replies_depend_on_the_request_alone(some: list[list[Any]]) -> None:
    async def at_once() -> list[str]:
        return list(await asyncio.gather(*map(answer, some)))

    first = [reply_to(items) for items in some]
    assert asyncio.run(at_once()) == first
    assert [reply_to(items) for items in reversed(some)] == first[::-1]


@settings(max_examples=50)
@given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4), st.lists(questions, max_size=3))
def test_the_latest_name_wins(names: list[str], others: list[str]) -> None:
    said = [*others, *(f"Actually, my name is {name}." for name in names)]
    items = asyncio.run(conversation(said))
    place, count = len(items) - 1, len(items) + 1
    expected = f'From item {place} of {count}: "Actually, my name is {names[-1]}."'
    assert reply_to([*items, user_item("What's my name?")]) == expected


@settings(max_examples=50)
@given(st.sampled_from(CITIES), st.booleans(), st.data())
def test_a_fact_goes_with_the_items_that_hold_it(
    city: str, asks_in_between: bool, data: st.DataObject
) -> None:
    said = data.draw(st.permutations([f"I live in {city}", "My name is Mei", "I like tea"]))
    said += ["Where do I live?", "What do you know about me?"] if asks_in_between else []
    items = asyncio.run(conversation(said))
    asked = user_item("Where do I live?")
    holding = [item for item in items if city in text_of(item)]
    assert len(holding) == (3 if asks_in_between else 1), "a plain statement is not repeated"
    for kept in holding:
        request = [item for item in items if item is kept or item not in holding]
        (place, text), *_ = quotes(reply_to([*request, asked]))
        assert request[place - 1] == kept
        assert city in text
    left = [item for item in items if item not in holding]
    expected = f"Nothing in the {len(left) + 1} items I was sent says that."
    assert reply_to([*left, asked]) == expected


@settings(max_examples=50)
@given(requests)
def test_the_stream_equals_the_whole_response(request: list[Any]) -> None:
    def without_call_ids(output: list[Any]) -> list[Any]:
        return [one.model_copy(update={"call_id": ""}).model_dump() for one in output]

    async def both() -> tuple[ModelResponse, list[Any]]:
        arguments = (ModelSettings(), list(TOOLS["Support"]), None, [], ModelTracing.DISABLED)
        stream = OfflineModel().stream_response(None, request, *arguments)
        whole = await OfflineModel().get_response(None, request, *arguments)
        return whole, [event async for event in stream]

    whole, events = asyncio.run(both())
    streamed = events[-1].response
    assert without_call_ids(streamed.output) == without_call_ids(whole.output)
    assert streamed.usage.total_tokens == whole.usage.total_tokens
    assert [one.sequence_number for one in events] == [*range(len(events))]
    deltas = [one.delta for one in events if one.type == "response.output_text.delta"]
    assert all(len(delta.split()) <= 1 for delta in deltas)
    if whole.output[0].type == "message":
        assert "".join(deltas) == text_of(whole.output[0].model_dump())


KINDS = ["message", "reasoning", "function_call", "function_call_output", "new"]
ROLES = ["user", "assistant", "system", "developer"]
odd_fields = {
    "type": st.sampled_from(KINDS) | json_values,
    "role": st.sampled_from(ROLES) | json_values,
    **dict.fromkeys(["content", "output", "call_id", "name"], texts | json_values),
}
odd_items = json_values | st.fixed_dictionaries({}, optional=odd_fields)


@given(st.lists(odd_items, max_size=6), st.sampled_from([*TOOLS]))
def test_every_request_gets_a_reply(items: list[Any], agent: Any) -> None:
    response = asyncio.run(respond(items, *TOOLS[agent]))
    assert text_of(response.output[0].model_dump())
    assert response.usage.total_tokens > 0


@pytest.mark.parametrize(
    "text",
    [
        *("I like tea. ", "what did i say ", "(", "1+", "1,", "and I ", "\n", "ok you and your "),
        *("\u201c", "ok ", "hi hi, ", 'From item 1 of 3: "', "my the ", "a.b", "5 laptops and "),
    ],
)
async def test_100_kb_of_anything_are_answered(text: str) -> None:
    long = (text * 100_000)[:100_000]
    await answer([user_item(long)], *TOOLS["Sales"])
    await answer([user_item(long), user_item("What's my name?")])
    await answer([assistant_item(long), user_item("What do I like?")])


async def test_10_000_items_are_answered() -> None:
    said = [one for i in range(5_000) for one in (f"My item{i} is V{i}.", "Noted.")]
    items = [(user_item, assistant_item)[i % 2](text) for i, text in enumerate(said)]
    reply = await answer([*items, user_item("What is my item7?")])
    assert reply == 'From item 15 of 10001: "My item7 is V7."'


async def test_a_long_sentence_is_quoted_in_part() -> None:
    long = f"{'so ' * 200}my name is Alice {'and so on ' * 50}"
    reply = await answer([user_item(long), user_item("What is my name?")])
    ((_, text),) = quotes(reply)
    assert text in long and "Alice" in text and len(text) <= 240
    assert reply.startswith('From item 1 of 2: "') and reply.endswith('" …')


async def test_the_end_of_a_long_sentence_is_quoted_whole() -> None:
    items = [user_item(f"{'so ' * 200}my driver is Ahmed"), user_item("Who is my driver?")]
    assert await answer(items) == 'From item 1 of 2: "driver is Ahmed".'
