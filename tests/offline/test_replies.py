"""Acknowledgements, the conversation itself, the world, sums and manners."""

from __future__ import annotations

import pytest
from agents import (
    Agent,
    Runner,
)
from agents.items import TResponseInputItem
from offline_tools import UNKNOWN, check, reply_to, talk

from session_lab.items import assistant_item, summary_items, user_item
from session_lab.offline_model import FACTS, OfflineModel

CONVERSATIONS: list[tuple[tuple[str, ...], str]] = [
    # A statement is acknowledged, turned around.
    (("My name is Alice",), "Noted: your name is Alice."),
    (("Remember that my wifi code is 1234!",), "Noted: your wifi code is 1234."),
    (("I love my dog, and you love yours",), "Noted: you love your dog, and I love mine."),
    (("I live in the US and I was born in Peru",), "Noted: you live in the US and you were born"),
    (
        ("I'm Alice, I live in Oslo and I work as a nurse.",),
        "Noted: you are Alice, you live in Oslo and you work as a nurse.",
    ),
    # Questions about what was said.
    (
        ("Hello", "What's my name?", "What did I ask first?"),
        "You asked: \u201cWhat's my name?\u201d",
    ),
    (("Hello", "I like tea", "What did I say first?"), "You said: \u201cHello\u201d"),
    (("Hello", "I like tea", "What did I say last?"), "You said: \u201cI like tea\u201d"),
    (("Hello", "I like tea", "What did I say before that?"), "You said: \u201cHello\u201d"),
    (("Hello", "What was my second message?"), "There is none in the 3 items I was sent."),
    (("I like tea", "What did you say last?"), "I said: \u201cNoted: you like tea.\u201d"),
    (("I like tea", "Say that again"), "Noted: you like tea."),
    (
        ("Hello", "Bye", "How many messages have I sent?"),
        "I was sent 3 messages of yours, this one included.",
    ),
    (("Hello", "How many items were you sent?"), "I was sent 3 items."),
    (("How many items are in this session?",), "I was sent 1 item."),
    (("What did I say?",), "You said nothing before this message."),
    (("What did I ask first?",), "You asked nothing before this message."),
    (("I like tea", "What did I just tell you?"), "You said: \u201cI like tea\u201d"),
    (("Summarize", "I like tea", "Recap please"), "- User said: I like tea."),
    (("I like tea", "Summarize the conversation so far."), "- User said: I like tea."),
    (("Hello", "Summarise our chat"), "There is nothing to summarize yet."),
    # The world, as far as FACTS goes.
    (("What city is the Golden Gate Bridge in?",), "The Golden Gate Bridge is in San Francisco."),
    (
        ("What city is the Golden Gate Bridge in?", "What state is it in?"),
        "The Golden Gate Bridge is in California.",
    ),
    (
        (
            "What city is the Golden Gate Bridge in?",
            "What state is it in?",
            "What's the population of that state?",
        ),
        "The population of California is 39.5 million (2020 census).",
    ),
    (
        ("How tall is the Space Needle?", "What country is it in?"),
        "The Space Needle is in the United",
    ),
    (("Where is the Eiffel Tower?", "When was it built?"), "The Eiffel Tower opened in 1889."),
    (
        ("What's the population of London?", "And of Seattle?"),
        "The population of Seattle is 737,015",
    ),
    (("I live in San Francisco", "What state is it in?"), "San Francisco is in California."),
    (("Is Sydney the capital of Australia?",), "The capital of Australia is Canberra."),
    (("What is the capital of Australia?", "Do you know Paris?"), UNKNOWN),
    (
        ("What is the capital of the United States?",),
        "The capital of the United States is Washington, D.C.",
    ),
    (("Is the Eiffel Tower in London?",), "The Eiffel Tower is in Paris."),
    (("Where is the Eiffel Tower?", "Who built it?"), UNKNOWN),
    (("What state is it in?",), "I don't know: the one item I was sent does not say so"),
    (("What is the capital of Norway?",), "I don't know: the one item I was sent does not say so"),
    # Arithmetic.
    (("what is 12*7?",), "12*7 = 84."),
    (("17 + 4",), "17 + 4 = 21."),
    (("15% of 80",), "15% of 80 = 12."),
    (("What's 10 divided by 4?",), "10 divided by 4 = 2.5."),
    (("two plus two",), "two plus two = 4."),
    (("(2 + 3) times 4 minus 1",), "(2 + 3) times 4 minus 1 = 19."),
    (("0.1 + 0.2",), "0.1 + 0.2 = 0.3."),
    (("1/0",), "Division by zero has no result."),
    (("9^9^9",), "The result of that is too large to write out."),
    (("What is the square root of 16?",), "the square root of 16 = 4."),
    (("555-1234",), "Noted: 555-1234."),
    (("Hi, my name is Al. Nice to meet you!",), "Noted: your name is Al."),
    (
        ("My dog is Rex. My dog is sick. It barks.", "What do you know about me?"),
        "your dog is Rex, y",
    ),
    # Manners, and what it can't do.
    (("Hello!",), "Hello. Tell me something, then ask me about it."),
    (("Thanks a lot",), "You are welcome."),
    (("ok cool thanks",), "You are welcome."),
    (("I like tea", "lol", "What do you know about me?"), "You told me: you like tea."),
    (("I like tea", "Forget that", "What do I like?"), "You like tea."),
    (("Tell me about yourself",), "I am the offline model"),
    (("Forget my name",), "I keep nothing between requests"),
    (("Who are you?",), "I am the offline model"),
    (
        ("Write a poem about cats",),
        "use a real model: set OPENAI_API_KEY or OPENAI_BASE_URL in .env",
    ),
    (("Can you translate hello?",), "use a real model: set OPENAI_API_KEY or OPENAI_BASE_URL"),
    (
        ("What is the status of order A-1001?",),
        "I don't know: neither an item I was sent nor a tool says so.",
    ),
    (("Why is the sky blue?",), "use a real model: set OPENAI_API_KEY or OPENAI_BASE_URL in .env"),
    (
        ("My name is Alice", "Where do I live?"),
        "I don't know: none of the 3 items I was sent says so.",
    ),
    (("   ",), "Your message is empty."),
    (("\U0001f600",), "Noted: \U0001f600."),
    (("私の名前はアリスです",), "Noted: 私の名前はアリスです."),
    (("¿Cómo te llamas?",), UNKNOWN),
    (("私の名前は何ですか？",), UNKNOWN),
    (("Me llamo Ana",), "Noted: Me llamo Ana."),
    (('print("hello")',), 'Noted: print("hello").'),
]


@pytest.mark.parametrize(
    ("messages", "expected"), CONVERSATIONS, ids=[" / ".join(case[0]) for case in CONVERSATIONS]
)
async def test_a_conversation_ends_with(messages: tuple[str, ...], expected: str) -> None:
    check(await talk(*messages), expected)


async def test_without_a_session_it_does_not_know() -> None:
    agent = Agent("Assistant", model=OfflineModel())
    await Runner.run(agent, "My name is Alice")
    result = await Runner.run(agent, "What's my name?")
    assert result.final_output == "I don't know: the one item I was sent does not say so."


async def test_instructions_are_no_memory_of_the_user() -> None:
    agent = Agent("Assistant", instructions="My name is Max.", model=OfflineModel())
    items: list[TResponseInputItem] = [
        {"role": "system", "content": "My name is Max."},
        {"role": "developer", "content": "My name is Max."},
        {"role": "user", "content": "What's my name?"},
    ]
    result = await Runner.run(agent, items)
    assert result.final_output == "I don't know: none of the 3 items I was sent says so."


async def test_it_reads_what_an_agent_summarized() -> None:
    written = await talk("I'm Alice. I live in Oslo.", "Summarize the conversation so far.")
    summary = str(written.final_output)
    assert summary == "- User said: I am Alice.\n- User said: I live in Oslo."
    request = [*summary_items(summary), user_item("Where do I live?")]
    assert await reply_to(request) == "You live in Oslo."
    assert await reply_to([*request[:-1], user_item("How many messages have I sent?")]) == (
        "I was sent 1 message of yours, this one included."
    )


async def test_it_reads_the_summary_of_a_real_model() -> None:
    summary = "The user's name is Alice. The user lives in Oslo.\nThe user is a nurse."
    for question, answer in (
        ("What's my name?", "Your name is Alice."),
        ("Where do I live?", "You live in Oslo."),
        ("What's my job?", "You are a nurse."),
    ):
        assert await reply_to([*summary_items(summary), user_item(question)]) == answer


async def test_a_summary_of_a_summary_keeps_every_line() -> None:
    request = [
        *summary_items("- User said: I am Alice.\n- Tool said: Order A-1: shipped."),
        user_item("Where is the Eiffel Tower?"),
        assistant_item("The Eiffel Tower is in Paris."),
        user_item("Summarize the conversation so far."),
    ]
    assert await reply_to(request) == (
        "- User said: I am Alice.\n- User asked: Where is the Eiffel Tower?\n"
        "- Tool said: Order A-1: shipped."
    )


def test_every_fact_leads_to_known_places() -> None:
    for name, row in FACTS.items():
        for kind in {"city", "state", "country"} & row.keys():
            assert row[kind] in FACTS, f"{name}: nothing is known of {row[kind]}"
