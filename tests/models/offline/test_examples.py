"""Conversations with the offline model: the reply to the last message of each."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import AsyncMock

import pytest
from agents import (
    Agent,
    FunctionTool,
    ModelSettings,
    RunConfig,
    Runner,
    RunResult,
    SessionSettings,
    SQLiteSession,
    function_tool,
)

from session_lab.code_view.agents import TOOLS, AgentName
from session_lab.history.items import (
    SUMMARY_REQUEST,
    assistant_item,
    kind,
    summary_items,
    user_item,
)
from session_lab.models.offline import OfflineModel
from session_lab.models.offline.facts import GLOSSARY, HOW_THIS_WORKS
from session_lab.models.offline.reply import HELLO, NO_MODEL

ALICE, NAME = "My name is Alice.", "What is my name?"
LENA = "I'm Lena, my laptop is broken"
BRIDGE = "What city is the Golden Gate Bridge in?"
STATE = "What state is it in?"
POP, UNDO = GLOSSARY["pop item"], GLOSSARY["undo turn"]


def quote(place: int, count: int, text: str, name: str = "") -> str:
    stop = "" if text[-1] in ".?" else "."
    return f'From item {place} of {count}{name and ", "}{name}: "{text}"{stop}'


def nothing(count: int, what: str = "that") -> str:
    return f"Nothing in the {count} item{'s' * (count > 1)} I was sent says {what}."


async def talk(
    *messages: str, tools: tuple[Any, ...] = (), config: RunConfig | None = None
) -> RunResult:
    """The result of the last message of a conversation; `config` is for that message alone."""
    agent = Agent[Any]("Assistant", model=OfflineModel(), tools=list(tools))
    session = SQLiteSession("talk")
    for message in messages[:-1]:
        await Runner.run(agent, message, session=session)
    result = await Runner.run(agent, messages[-1], session=session, run_config=config)
    session.close()
    return result


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("My name is Alice.", "What is my name?"),
        ("Call me Al.", "tell me my name"),
        ("I'm Zoë.", "Hi bot, what’s my name"),
        (LENA, "what did I say was broken?"),
        ("me llamo Lucía y vivo en Madrid", "¿cómo me llamo?"),
        ("Mi perro se llama Toby.", "¿Cómo se llama mi perro?"),
        ("Меня зовут Иван.", "Как меня зовут?"),
        ("我住在北京", "我住在哪里？"),
        ("I'm a doctor. I work at St. Mary's Hospital.", "what is my profession?"),
        ("I work as a cook", "What do I do for work?"),
        ("I moved to Rome.", "Where do I live?"),
        ("I eat no meat. I bought a bike.", "What did I buy?"),
        ("My flight to Oslo leaves at 6:40.", "when does my flight leave?"),
        ("Remind me that the meeting is on Thursday at 3pm in room B12", "when is the meeting?"),
        ("My sister lives in Riga.", "Where does my sister live?"),
    ],
)
async def test_what_was_said_is_quoted(said: str, asked: str) -> None:
    assert (await talk(said, asked)).final_output == quote(1, 3, said)


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("My manager's name is Dana.", "What is my name?"),
        ("My name is Alice.", "What is my boss's name?"),
        ("My sister lives in Riga.", "Where do I live?"),
        ("I live in Oslo.", "Where does Nora live?"),
        ("I live in Oslo.", "Where does she live?"),
    ],
)
async def test_what_is_somebody_else_s_is_only_the_nearest(said: str, asked: str) -> None:
    nearest = f'The nearest is item 1 of 3: "{said}"'
    assert (await talk(said, asked)).final_output == f"{nothing(3)} {nearest}"


@pytest.mark.parametrize(
    ("messages", "reply"),
    [
        (["Hi"], HELLO),
        (["Hello, my name is Bob and I live in Oslo"], "Noted."),
        ([f"{ALICE} What is my name?"], quote(1, 1, ALICE)),
        (["I'm Zoë.", "I'm a nurse.", "WHO AM I"], quote(1, 5, "I'm Zoë.")),
        (["My cat is Miso.", "My dog is Rex.", "who's my cat?"], quote(1, 5, "My cat is Miso.")),
        (["What is my size?", "My size is 42.", "What is my size?"], quote(3, 5, "My size is 42.")),
        ([ALICE, "I live in Oslo.", "What is my name and where do I live?"],
         f"{quote(1, 5, ALICE)}\n{quote(3, 5, 'I live in Oslo.')}"),
        (["What day is it today?"], nothing(1)),
        (["Write me a poem"], NO_MODEL),
        ([BRIDGE, STATE, "What is the capital of that state?"],
         'Sacramento. "That state" is California, from item 4 of 5.'),
        (["How do I undo a turn?"], UNDO),
        (["how can we undo the last turn"], UNDO),
        (["I live in Oslo.", "How do I get to Oslo?"], quote(1, 3, "I live in Oslo.")),
        (["how does this work?"], HOW_THIS_WORKS),
        (["what is the difference between pop item and undo turn?"], f"{POP} {UNDO}"),
        ([ALICE, "What is my name?", "Tea? I like tea.", "Summarize it"], f"{ALICE}\nI like tea."),
        (["I like tea.", "What do you know about me?"], "I like tea."),
        (["Summarize the conversation so far."], "You have stated nothing yet."),
    ],
    ids=lambda value: value[-1][:40] if isinstance(value, list) else "",
)  # fmt: skip
async def test_conversation(messages: list[str], reply: str) -> None:
    assert (await talk(*messages)).final_output == reply


async def test_each_word_of_the_glossary_is_explained_in_a_sentence_that_begins_with_it() -> None:
    for term in GLOSSARY:
        sentence = str((await talk(f"What is a {term}?")).final_output)
        assert sentence == GLOSSARY[term]
        words = sentence.lower().removeprefix("the ").removeprefix("an ").removeprefix("a ")
        assert words.startswith(f"{term} ") and sentence.endswith(".") and ". " not in sentence


async def test_a_limit_forgets_unless_the_reply_repeats_it() -> None:
    two = RunConfig(session_settings=SessionSettings(limit=2))
    said = [ALICE, "What is my name?"]
    asked_again = await talk(*said, "What is my name?", config=two)
    assert asked_again.final_output == quote(2, 3, ALICE, "my earlier reply")
    later = await talk(*said, "Thanks.", "What is my name?", config=two)
    assert later.final_output == nothing(3)


ROLL = {"type": "mcp_call", "id": "m", "name": "roll", "arguments": "{}", "output": "4"}


@pytest.mark.parametrize(
    ("items", "asked", "reply"),
    [
        (summary_items(f"I like tea.\n{ALICE}"), NAME, quote(2, 3, ALICE, "a summary")),
        (summary_items(f"I like tea.\n{ALICE}"), SUMMARY_REQUEST, f"I like tea.\n{ALICE}"),
        (summary_items("The user's name is Al."), NAME,
         quote(2, 3, "The user's name is Al.", "a summary")),
        ([user_item("Hi"), assistant_item("You told me: your name is Al.")], NAME,
         quote(2, 3, "You told me: your name is Al.", "my earlier reply")),
        ([user_item(ALICE), assistant_item("Your name is Bob.")], NAME, quote(1, 3, ALICE)),
        ([{"role": "system", "content": ALICE}], NAME, quote(1, 2, ALICE, "a system message")),
        ([user_item("Go."), ROLL, assistant_item("It fell.")], "What was the roll?",
         quote(2, 4, "4", "output of roll")),
    ],
)  # fmt: skip
async def test_other_items_are_evidence_too(items: list[Any], asked: str, reply: str) -> None:
    agent = Agent("Assistant", model=OfflineModel())
    assert (await Runner.run(agent, [*items, user_item(asked)])).final_output == reply


# -- tools ----------------------------------------------------------------------------------


@function_tool
def send_mail(address: str, text: str, copies: int = 1, note: str | None = None) -> str:
    """Send a mail.

    Args:
        address: Where to, for example ann@example.org.
        text: What to write.
    """
    return f"{copies}: {text}"


def calls(result: RunResult) -> list[dict[str, Any]]:
    raw = [item.raw_item for item in result.new_items if item.type == "tool_call_item"]
    return [json.loads(one.arguments) for one in raw]


@pytest.mark.parametrize(
    ("agent", "message", "arguments"),
    [
        ("Support", "Where is order A-1002?", [{"order_id": "A-1002"}]),
        ("Support", "Is order b-7 there, and A-1001?",
         [{"order_id": "b-7"}, {"order_id": "A-1001"}]),
        ("Support", "I was born in 1990", []),
        ("Assistant", "How many days between 2026-01-01 and 2026-03-01?",
         [{"start_date": "2026-01-01", "end_date": "2026-03-01"}]),
        ("Sales", "I need 5 monitors and 2 keyboards",
         [{"product": "monitor", "quantity": 5}, {"product": "keyboard", "quantity": 2}]),
        ("Sales", "How much are 1,000 mice?", [{"product": "mouse", "quantity": 1000}]),
        ("Sales", "5 monitors and keyboards", []),
        ("Sales", "5 monitors or keyboards", []),
        ("Sales", "Quote 1,5 laptops", []),
        ("Sales", "Quote 1.5 laptops", []),
    ],
    ids=str,
)  # fmt: skip
async def test_arguments_are_read_from_the_message(
    agent: AgentName, message: str, arguments: list[dict[str, Any]]
) -> None:
    assert calls(await talk(message, tools=tuple(TOOLS[agent]))) == arguments


async def test_a_text_in_quotes_is_an_argument_and_defaults_are_left_out() -> None:
    result = await talk('Mail "See you." to bo@example.org', tools=(send_mail,))
    assert calls(result) == [{"address": "bo@example.org", "text": "See you."}]
    assert result.final_output == quote(3, 3, "1: See you.", "output of send_mail")


@pytest.mark.parametrize(
    ("agent", "message", "lacks"),
    [
        ("Support", "Hi, where is my order?", "order"),
        ("Sales", "Quote laptops", "quantity"),
        ("Sales", "I need 5 monitors and keyboards", "quantity"),
        ("Sales", "I need 5 monitors and 2 webcams", "product"),
        ("Assistant", "How many days until 2026-03-01?", "end date"),
    ],
)
async def test_what_is_missing_is_told_with_a_message_that_works(
    agent: AgentName, message: str, lacks: str
) -> None:
    tools = tuple(TOOLS[agent])
    reply = str((await talk("Quote 5 mice", message, tools=tools)).final_output)
    assert reply.startswith(f"Your message names no {lacks} that ")
    tried = reply.partition('Try: "')[2].removesuffix('"')
    assert calls(await talk(tried, tools=tools)), f"{tried!r} calls no tool"


async def test_outputs_are_quoted_now_and_later() -> None:
    tools = tuple(TOOLS["Support"])
    output = "Order A-1001: shipped, arrives on Friday"
    first = await talk("Where is order A-1001?", tools=tools)
    assert first.final_output == quote(3, 3, output, "output of order_status")
    later = await talk("Where is order A-1001?", "thanks, when does it arrive?", tools=tools)
    assert later.final_output == quote(3, 5, output, "output of order_status")
    two = await talk("Orders A-1001 and A-1002", tools=tools)
    assert str(two.final_output).splitlines() == [
        quote(4, 5, output, "output of order_status"),
        quote(5, 5, "Order A-1002: being packed", "output of order_status"),
    ]


async def test_an_empty_output_is_an_answer() -> None:
    silent = FunctionTool("silent", "Be silent.", {"properties": {}}, AsyncMock(return_value=""))
    result = await talk("Be silent", tools=(silent,))
    assert result.final_output == 'From item 3 of 3, output of silent: ""'


@pytest.mark.parametrize(
    ("choice", "message", "called"),
    [
        ("none", "Where is order A-1001?", False),
        ("required", "Look at A-1001", True),
        ("order_status", "Look at A-1001", True),
        ("auto", "Look at A-1001", False),
        ("required", "Hello", False),
    ],
)
async def test_tool_choice_is_honoured(choice: str, message: str, called: bool) -> None:
    config = RunConfig(model_settings=ModelSettings(tool_choice=choice))
    tools: tuple[FunctionTool, ...] = (send_mail, *TOOLS["Support"])  # type: ignore[assignment]
    assert bool(calls(await talk(message, tools=tools, config=config))) == called


@pytest.mark.parametrize(
    ("message", "last", "reply"),
    [
        ("Let me talk to Support", "Support", "Noted."),
        ("Can I speak to Support, please?", "Support", nothing(3)),
        ("Ask Support: where is order A-1002?", "Support",
         quote(5, 5, "Order A-1002: being packed", "output of order_status")),
        ("Is the support good?", "Desk", nothing(1)),
    ],
)  # fmt: skip
async def test_a_handoff_is_taken_when_the_agent_is_asked_for(
    message: str, last: str, reply: str
) -> None:
    model = OfflineModel()
    support = Agent[Any]("Support", model=model, tools=TOOLS["Support"])
    desk = Agent[Any]("Desk", model=model, handoffs=[support])
    support.handoffs = [desk]
    session = SQLiteSession("desk")
    result = await Runner.run(desk, message, session=session)
    assert (result.last_agent.name, result.final_output) == (last, reply)
    assert kind((await session.get_items())[0]) == "user"
