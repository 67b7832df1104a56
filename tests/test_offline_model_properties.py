"""What holds for the offline model whatever it is sent."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from agents import Agent, ModelResponse, ModelSettings, ModelTracing, Runner, function_tool
from hypothesis import example, given, settings
from hypothesis import strategies as st

from session_lab.items import SUMMARY_REQUEST, assistant_item, text_of, user_item
from session_lab.offline.clauses import INTRODUCED, PRONOUNS
from session_lab.offline.conversation import USER_IN_SUMMARY
from session_lab.offline.wording import SAY
from session_lab.offline.words import CONTRACTIONS, words
from session_lab.models.offline import FACTS, OfflineModel

NAMES = ["Alice", "Bob", "Zoë", "Carol", "Dmitri", "Oksana", "Jean-Luc", "Al", "Mei"]
CITIES = ["Oslo", "Bergen", "Lima", "Kyiv", "Porto", "San Francisco", "New York"]
JOBS = ["nurse", "developer", "baker", "pilot", "teacher", "cook"]

STATEMENTS = [
    "My name is {name}.",
    "Call me {name}",
    "I'm {name}, a {job} from {city}.",
    "i live in {city} and work as a {job}",
    "Actually, my name is {name}",
    "No, it's {name}",
    "No, {city}",
    "My sister's cat is called {name}; my brother is a {job}",
    "I don't live in {city}, I moved to {city}",
    "Remember that {name} is my {job}!",
    "The user's name is {name}. The user lives in {city}.",
]
QUESTIONS = [
    "What's my name?",
    "who am i",
    "Is my name {name}?",
    "Where do I live?",
    "Do I live in {city}?",
    "What do I do for work?",
    "What is my sister's cat called?",
    "What does he do?",
    "Who is {name}?",
    "What do you know about me?",
    "What did I tell you about {name}?",
    "What did I ask first?",
    "What did I say before that?",
    "What did you say last?",
    "What state is it in?",
    "What's the population of that state?",
    "Tell me about {city}",
    "What is the capital of {city}?",
    "Summarize the conversation so far.",
    "Why does {name} sing?",
    "Write a poem about {city}",
]


def filled(templates: list[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda template, name, city, job: template.format(name=name, city=city, job=job),
        st.sampled_from(templates),
        st.sampled_from(NAMES),
        st.sampled_from(CITIES),
        st.sampled_from(JOBS),
    )


statements = filled(STATEMENTS)
questions = filled(QUESTIONS)
texts = st.one_of(statements, questions, st.text(max_size=60))
turns = st.lists(
    st.one_of(texts.map(user_item), statements.map(assistant_item)), min_size=1, max_size=8
)
requests = st.builds(lambda items, text: [*items, user_item(text)], turns, texts)


async def respond(items: list[Any], tools: tuple[Any, ...] = ()) -> ModelResponse:
    return await OfflineModel().get_response(
        None, items, ModelSettings(), list(tools), None, [], ModelTracing.DISABLED
    )


async def answer(items: list[Any]) -> str:
    return text_of((await respond(items)).output[0].model_dump())


def vocabulary(items: list[Any]) -> set[str]:
    """Every word that a reply to these items may hold: theirs, the tables', and no other."""
    own = [
        *SAY.values(),
        *PRONOUNS.values(),
        INTRODUCED,
        *(re.sub(r"\\\d", " ", text) for _, text in (*CONTRACTIONS, *USER_IN_SUMMARY)),
    ]
    facts = [*FACTS, *(f"{key} {value}" for row in FACTS.values() for key, value in row.items())]
    known = set(words(" ".join([*own, *facts, "the"])))
    for item in items:
        known |= parts(text_of(item))
    return known


def parts(text: str) -> set[str]:
    """The words of a text, whole and cut at apostrophes, with and without the final s of a verb."""
    pieces = re.findall(r"[^\W_]+", text.lower().replace("n't", " "))
    return {*words(text), *pieces, *(piece.removesuffix("s") for piece in pieces)}


async def answers(items: list[Any], name: str, city: str) -> list[str]:
    """The reply to these items, and to each question after them."""
    asked = [question.format(name=name, city=city) for question in QUESTIONS]
    return [await answer(items), *[await answer([*items, user_item(one)]) for one in asked]]


@settings(max_examples=80, deadline=None)
@given(requests, st.sampled_from(NAMES), st.sampled_from(CITIES))
@example([user_item("My name is Alice"), user_item(SUMMARY_REQUEST)], "Bob", "Lima")
def test_no_word_of_a_reply_comes_from_elsewhere(items: list[Any], name: str, city: str) -> None:
    known = vocabulary([*items, user_item(f"{' '.join(QUESTIONS)} {name} {city}")])
    for reply in asyncio.run(answers(items, name, city)):
        said = {word for word in words(reply) if not word.isdecimal()}
        invented = {word for word in said - known if not parts(word) <= known}
        assert not invented, f"{reply!r} holds {invented}"


@settings(max_examples=80, deadline=None)
@given(requests, st.sampled_from(NAMES), st.sampled_from(CITIES))
def test_a_name_city_or_job_is_in_a_reply_only_if_it_is_in_the_request(
    items: list[Any], name: str, city: str
) -> None:
    known = words(" ".join([str(FACTS), name, city, *map(text_of, items)]))
    for reply in asyncio.run(answers(items, name, city)):
        for fact in set(words(" ".join([*NAMES, *CITIES, *JOBS]))) - set(known):
            assert fact not in words(reply), f"{reply!r} tells of {fact}"


@settings(max_examples=100, deadline=None)
@given(st.lists(requests, min_size=2, max_size=5))
def test_replies_depend_on_the_request_alone(some: list[list[Any]]) -> None:
    async def one_after_another() -> list[str]:
        return [await answer(items) for items in some]

    async def at_once() -> list[str]:
        return list(await asyncio.gather(*map(answer, some)))

    first = asyncio.run(one_after_another())
    assert asyncio.run(at_once()) == first
    assert asyncio.run(one_after_another()) == first


@settings(max_examples=100, deadline=None)
@given(requests)
def test_the_streamed_text_is_the_whole_text(items: list[Any]) -> None:
    async def streamed() -> str:
        result = Runner.run_streamed(Agent("Assistant", model=OfflineModel()), items)
        deltas = [
            event.data.delta
            async for event in result.stream_events()
            if event.type == "raw_response_event"
            and event.data.type == "response.output_text.delta"
        ]
        assert "".join(deltas) == result.final_output
        return "".join(deltas)

    assert asyncio.run(streamed()) == asyncio.run(answer(items))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
odd_items = st.one_of(
    json_values,
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(
                ["message", "reasoning", "function_call", "function_call_output", "new"]
            )
            | json_values,
            "role": st.sampled_from(["user", "assistant", "system", "developer"]) | json_values,
            "content": texts | json_values,
            "output": texts | json_values,
            "call_id": json_values,
            "name": json_values,
        },
    ),
)


@function_tool
def order_status(order_id: str, days: int) -> str:
    """Look up the status of an order."""
    return order_id


@settings(max_examples=300, deadline=None)
@given(st.lists(odd_items, max_size=6), st.booleans())
def test_every_request_gets_a_reply(items: list[Any], with_tools: bool) -> None:
    response = asyncio.run(respond(items, (order_status,) if with_tools else ()))
    assert text_of(response.output[0].model_dump())
    assert response.usage.total_tokens > 0


async def conversation(said: list[str]) -> list[list[Any]]:
    """Turn after turn: each message with the reply that the model gave to all before it."""
    turns: list[list[Any]] = []
    for text in said:
        request = [*(item for turn in turns for item in turn), user_item(text)]
        turns.append([request[-1], assistant_item(await answer(request))])
    return turns


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5), st.lists(texts, max_size=3))
def test_the_latest_name_wins(names: list[str], others: list[str]) -> None:
    said = [*others, *(f"Actually, my name is {name}" for name in names)]
    asked = user_item("What's my name?")
    assert asyncio.run(answer([*map(user_item, said), asked])) == f"Your name is {names[-1]}."
    turns = asyncio.run(conversation(said))
    items = [item for turn in turns for item in turn]
    assert asyncio.run(answer([*items, asked])) == f"Your name is {names[-1]}."


@settings(max_examples=100, deadline=None)
@given(st.lists(statements.map(assistant_item), max_size=4), st.sampled_from(NAMES), st.data())
def test_no_reply_outdoes_a_later_statement(
    replies: list[Any], name: str, data: st.DataObject
) -> None:
    told = [*replies, *(assistant_item(f"Your name is {other}.") for other in NAMES)]
    place = data.draw(st.integers(0, len(told)))
    said = [*told[:place], user_item("Hi"), *told[place:], user_item(f"My name is {name}")]
    after = data.draw(st.lists(st.sampled_from(told), max_size=3))
    reply = asyncio.run(answer([*said, *after, user_item("What's my name?")]))
    assert reply == f"Your name is {name}."


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(CITIES), st.sampled_from(NAMES), st.booleans(), st.data())
def test_a_fact_goes_with_the_items_that_hold_it(
    city: str, name: str, asks_in_between: bool, data: st.DataObject
) -> None:
    said = data.draw(st.permutations([f"I live in {city}", f"My name is {name}", "I like tea"]))
    said += ["Where do I live?", "What do you know about me?"] if asks_in_between else []
    turns = asyncio.run(conversation(said))
    asked = user_item("Where do I live?")
    items = [item for turn in turns for item in turn]
    holding = [item for item in items if city in text_of(item)]
    assert len(holding) == (4 if asks_in_between else 2)
    for kept in holding:
        others = [item for item in items if item is kept or item not in holding]
        assert city in asyncio.run(answer([*others, asked])), f"{kept} is not read"
    left = [item for item in items if item not in holding]
    count = len(left) + 1
    expected = f"I don't know: none of the {count} items I was sent says so."
    assert asyncio.run(answer([*left, asked])) == expected


@settings(max_examples=100, deadline=None)
@given(st.integers(-999, 999), st.integers(-999, 999), st.sampled_from("+-*"))
def test_arithmetic_is_right(left: int, right: int, sign: str) -> None:
    expected = {"+": left + right, "-": left - right, "*": left * right}[sign]
    reply = asyncio.run(answer([user_item(f"What is {left} {sign} {right}?")]))
    assert reply == f"{left} {sign} {right} = {expected}."


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="0123456789+-*/^%(). ", max_size=40))
def test_no_calculation_breaks_it(text: str) -> None:
    assert asyncio.run(answer([user_item(f"Calculate {text}")]))
