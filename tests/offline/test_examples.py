"""Conversations with the offline model: the reply to the last message of each."""

from __future__ import annotations

import json
from typing import Any

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
from session_lab.history.items import assistant_item, kind, summary_items, user_item
from session_lab.models.offline import OfflineModel

ALICE = "My name is Alice."
BRIDGE = "What city is the Golden Gate Bridge in?"
DOCTOR = "I'm a doctor. I work at St. Mary's Hospital."
LENA = "I'm Lena, my laptop is broken"
LUCIA = "me llamo Lucía y vivo en Madrid"
MEETING = "Remind me that the meeting is on Thursday at 3pm in room B12"
HOW = (
    "A session stores this conversation, and its items are sent to me with each message. I am no"
    " language model: I quote the item that has what you ask for, and name its place."
)
NO_MODEL = (
    "I am no language model: I only quote what I was sent. For a real answer set OPENAI_API_KEY or"
    " OPENAI_BASE_URL in .env."
)


def quote(place: int, count: int, text: str, name: str = "") -> str:
    stop = "" if text[-1] in ".?" else "."
    return f'From item {place} of {count}{name and ", "}{name}: "{text}"{stop}'


def nothing(count: int, what: str = "that") -> str:
    return f"Nothing in the {count} item{'s' * (count > 1)} I was sent says {what}."


def nearest(text: str) -> str:
    return f'{nothing(3)} The nearest is item 1 of 3: "{text}"'


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
    ("messages", "reply"),
    [
        # Greetings and statements
        (["Hi"], "Hello. Tell me a fact, then ask me for it."),
        ([ALICE], "Noted."),
        (["Hello, my name is Bob and I live in Oslo"], "Noted."),
        # What the user said
        (["Hi", ALICE, "What is my name?"], quote(3, 5, ALICE)),
        ([f"{ALICE} What is my name?"], quote(1, 1, ALICE)),
        (["Call me Al.", "tell me my name"], quote(1, 3, "Call me Al.")),
        ([ALICE, "Actually my name is Bob.", "Who am I?"], quote(3, 5, "Actually my name is Bob.")),
        (["I'm Zoë.", "I'm a nurse.", "Hi bot, what’s my name"], quote(1, 5, "I'm Zoë.")),
        (["I work as a cook", "What do I do for work?"], quote(1, 3, "I work as a cook")),
        (["I moved to Rome.", "Where do I live?"], quote(1, 3, "I moved to Rome.")),
        (["I'm 41 years old", "How old am I?"], quote(1, 3, "I'm 41 years old")),
        (["My cat is Miso.", "My dog is Rex.", "who's my cat?"], quote(1, 5, "My cat is Miso.")),
        (["What is my size?", "My size is 42.", "What is my size?"], quote(3, 5, "My size is 42.")),
        (["I eat no meat. I bought a bike.", "What did I buy?"], quote(1, 3, "I bought a bike.")),
        (
            [ALICE, "I live in Oslo.", "What is my name and where do I live?"],
            f"{quote(1, 5, ALICE)}\n{quote(3, 5, 'I live in Oslo.')}",
        ),
        ([LENA, "what did I say was broken?"], quote(1, 3, LENA)),
        ([LUCIA, "¿cómo me llamo?"], quote(1, 3, LUCIA)),
        (["Меня зовут Иван.", "Как меня зовут?"], quote(1, 3, "Меня зовут Иван.")),
        ([DOCTOR, "what is my profession?"], quote(1, 3, DOCTOR)),
        ([MEETING, "when is the meeting?"], quote(1, 3, MEETING)),
        # What nobody said, and what is somebody else's
        (["What is my name?"], nothing(1)),
        (["I like tea.", "What is my name?"], nothing(3)),
        (["My boss's name is Dana.", "What is my name?"], nearest("My boss's name is Dana.")),
        ([ALICE, "What is my boss's name?"], nothing(3)),
        (["My sister lives in Riga.", "Where do I live?"], nearest("My sister lives in Riga.")),
        (["My sister lives in Riga.", "Where does my sister live?"],
         quote(1, 3, "My sister lives in Riga.")),
        (["I live in Oslo.", "Where does Nora live?"], nothing(3)),
        (["What day is it today?"], nothing(1)),
        # Facts
        ([BRIDGE], "San Francisco."),
        (
            [BRIDGE, "What state is it in?"],
            'California. "It" is the Golden Gate Bridge, from item 1 of 3.',
        ),
        (
            [BRIDGE, "What state is it in?", "What is the capital of that state?"],
            'Sacramento. "That state" is California, from item 4 of 5.',
        ),
        (
            ["I saw the Space Needle.", "What is the capital of that state?"],
            'Olympia. "That state" is Washington, where the Space Needle is, from item 1 of 3.',
        ),
        (["What state is it in?"], nothing(1, 'what "it" is')),
        # The tutorial's terms
        (
            ["what is a session?"],
            "A session is a list of items under an ID. The SDK reads it before a run and adds to it"
            " what is new.",
        ),
        (["how does this work?"], HOW),
        (
            ["what is the difference between pop item and undo turn?"],
            "Pop item removes the last item, whatever it is. Undo turn removes the last user"
            " message and every item that followed it.",
        ),
        # What it can't do
        (["Write me a poem"], NO_MODEL),
        (["What is 12 * 7?"], NO_MODEL),
        # Summaries
        ([ALICE, "What is my name?", "Tea? I like tea.", "Summarize it"], f"{ALICE}\nI like tea."),
        (["I like tea.", "What do you know about me?"], "I like tea."),
        (["Summarize the conversation so far."], "You have stated nothing yet."),
    ],
    ids=lambda value: value[-1][:40] if isinstance(value, list) else "",
)  # fmt: skip
async def test_conversation(messages: list[str], reply: str) -> None:
    assert (await talk(*messages)).final_output == reply


async def test_a_limit_forgets_unless_the_reply_repeats_it() -> None:
    two = RunConfig(session_settings=SessionSettings(limit=2))
    said = [ALICE, "What is my name?"]
    asked_again = await talk(*said, "What is my name?", config=two)
    assert asked_again.final_output == quote(2, 3, ALICE, "my earlier reply")
    later = await talk(*said, "Thanks.", "What is my name?", config=two)
    assert later.final_output == nothing(3)


@pytest.mark.parametrize(
    ("items", "reply"),
    [
        (summary_items(f"I like tea.\n{ALICE}"), quote(2, 3, ALICE, "a summary")),
        (summary_items("The user's name is Al."),
         quote(2, 3, "The user's name is Al.", "a summary")),
        ([user_item("Hi"), assistant_item("You told me: your name is Al.")],
         quote(2, 3, "You told me: your name is Al.", "my earlier reply")),
        ([user_item(ALICE), assistant_item("Your name is Bob.")], quote(1, 3, ALICE)),
        ([{"role": "system", "content": ALICE}], quote(1, 2, ALICE, "a system message")),
    ],
    ids=["summary", "summary in the third person", "reply", "user before reply", "system"],
)  # fmt: skip
async def test_other_items_are_evidence_too(items: list[Any], reply: str) -> None:
    agent = Agent("Assistant", model=OfflineModel())
    result = await Runner.run(agent, [*items, user_item("What is my name?")])
    assert result.final_output == reply


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
        ("Support", "order status A-1001", [{"order_id": "A-1001"}]),
        ("Support", "Is order b-7 there, and A-1001?",
         [{"order_id": "b-7"}, {"order_id": "A-1001"}]),
        ("Support", "I was born in 1990", []),
        ("Assistant", "How many days between 2026-01-01 and 2026-03-01?",
         [{"start_date": "2026-01-01", "end_date": "2026-03-01"}]),
        ("Sales", "I need 5 monitors and 2 keyboards",
         [{"product": "monitor", "quantity": 5}, {"product": "keyboard", "quantity": 2}]),
        ("Sales", "How much are a laptop and three mice?",
         [{"product": "laptop", "quantity": 1}, {"product": "mouse", "quantity": 3}]),
        ("Sales", "5 monitors and keyboards", []),
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
    ("agent", "message", "start"),
    [
        ("Support", "Hi, where is my order?", "Your message names no order"),
        ("Sales", "Quote laptops", "I can read only a part of what price_quote needs."),
        ("Assistant", "How many days until 2026-03-01?", "I can read only a part"),
    ],
)
async def test_what_is_missing_is_told_with_a_message_that_works(
    agent: AgentName, message: str, start: str
) -> None:
    tools = tuple(TOOLS[agent])
    reply = str((await talk(message, tools=tools)).final_output)
    assert reply.startswith(start)
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
        ("Let me talk to Support", "Support",
         quote(3, 3, '{"assistant": "Support"}', "output of transfer_to_support")),
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
