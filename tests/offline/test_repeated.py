"""What stands in a reply is known too, but the user's own words count for more."""

from __future__ import annotations

import pytest
from agents import function_tool
from agents.items import TResponseInputItem
from offline_tools import UNKNOWN, answer, reply_to

from session_lab.items import assistant_item, summary_items, user_item


def items(*texts: str) -> list[TResponseInputItem]:
    """ "> " in front of a reply's text."""
    return [
        assistant_item(text[2:]) if text.startswith("> ") else user_item(text) for text in texts
    ]


KNOWN: list[tuple[tuple[str, ...], str]] = [
    (
        ("What is my order?", "> Your order is A-1002.", "What is my order?"),
        "Your order is A-1002.",
    ),
    (("> Your name is Alice.", "Who am I?"), "Your name is Alice."),
    (("> Noted: your name is Alice.", "What's my name?"), "Your name is Alice."),
    (("> Noted: you are Al, you live in Rome and you work as a cook.", "What's my job?"), "You wo"),
    (("> Noted: you are Al, you live in Rome and you work as a cook.", "Who am I?"), "You are Al."),
    (("> Noted: you were born in Peru.", "Where was I born?"), "You were born in Peru."),
    (("> Noted: the secret word is tulip.", "What's the secret word?"), "The secret word is tulip"),
    (('> Noted: your book is "Dune".', "What's my book?"), 'Your book is "Dune".'),
    (("> Got it! You live in Oslo.", "Where do I live?"), "You live in Oslo."),
    (("> Yes, you told me that your name is Al.", "Who am I?"), "Your name is Al."),
    (("> Hello Al! Your name is Al, and you live in Rome.", "Where do I live?"), "You live in Rom"),
    (("> Yes: you have a dog named Rex.", "What's my dog called?"), "You have a dog named Rex."),
    (("> No: you do not eat meat.", "Do I eat meat?"), "No: you do not eat meat."),
    (("> You work as a nurse.", "What do I do for work?"), "You work as a nurse."),
    (("> - **Your name** is **Alice**.", "What's my name?"), "Your name is Alice."),
    (("> Rex is your dog.", "What's my dog called?"), "Rex is your dog."),
    (("> Your sister lives in Bergen.", "Where does she live?"), "Your sister lives in Bergen."),
    (("> - User said: I am Al.\n- User asked: Why?", "Who am I?"), "You are Al."),
    (("> Your name is Alice.", "Is my name Alice?"), "Yes: your name is Alice."),
    (("> Your name is Alice.", "Is my name Bob?"), "My earlier replies say: your name is Alice."),
    (
        ("> Your name is Al.", "I like tea", "What do you know about me?"),
        "You told me: you like tea. My earlier replies say: your name is Al.",
    ),
    (
        ("I like tea, and it is hot", "> Noted: you like tea, and it is hot.", "Do you know me?"),
        "You told me: you like tea, and it is hot.",
    ),
    # The user's own words count for more than the reply to them, and the newest item for most.
    (("My name is Bob", "> Noted: your name is Alice.", "Who am I?"), "Your name is Bob."),
    (("> Your name is Alice.", "My name is Bob", "Who am I?"), "Your name is Bob."),
    (("> Your name is Alice.", "No, it's Bob"), "Noted: your name is Bob."),
    (("> Your name is Alice.", "No, it's Bob", "Who am I?"), "Your name is Bob."),
    (("> Your name is Alice.", "> Your name is Bob.", "Who am I?"), "Your name is Bob."),
    (
        ("My name is Al", "> Noted.", "Who am I?", "> Your name is Bo.", "Who am I?"),
        "Your name is Bo.",
    ),
    (
        ("Call me Al", "Call me Bo", "> Noted: your name is Bo.", "> Your name is Al.", "Who am I"),
        "Your name is Bo.",
    ),
    (("> You live in Oslo.", "I don't live in Oslo anymore", "Where do I live?"), UNKNOWN),
    (
        ("> You live in Oslo.", "> Noted: you do not live in Oslo anymore.", "Where do I live?"),
        UNKNOWN,
    ),
]


@pytest.mark.parametrize(("texts", "expected"), KNOWN, ids=[" / ".join(case[0]) for case in KNOWN])
async def test_a_request_ends_with(texts: tuple[str, ...], expected: str) -> None:
    reply = await reply_to(items(*texts))
    assert reply == expected if expected.endswith(".") else reply.startswith(expected)


NO_FACTS = [
    "I don't know: none of the 3 items I was sent says so.",
    "I don't know what your name is.",
    "You have not told me your name.",
    "You haven't mentioned that your name is Alice.",
    "Your name is unknown.",
    "Is your name Alice?",
    "Your name is Alice, right?",
    "You asked: “My name is Alice. What is it?”",
    "You said: “My name is Alice”",
    "I said: “Your name is Alice.”",
    'You wrote: "Hi. Your name is Alice. Bye."',
    "Noted: you like tea. You asked: “Noted: your name is Alice.”",
    "If your name is Alice, I can look it up.",
    "Perhaps your name is Alice.",
    "My name is Alice.",
    "I am Alice.",
    "Her name is Alice.",
    "Your message is empty.",
    "You are welcome.",
    "Hello. Tell me something, then ask me about it.",
]


@pytest.mark.parametrize("reply", NO_FACTS)
async def test_no_fact_of_the_user_is_read_from(reply: str) -> None:
    for question in ("What's my name?", "Who am I?"):
        assert await reply_to(items(f"> {reply}", question)) == (
            "I don't know: none of the 2 items I was sent says so."
        )


async def test_what_a_tool_returned_is_no_statement_of_the_user() -> None:
    call = {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "1"}
    output = {"type": "function_call_output", "call_id": "1", "output": "Your name is Eve."}
    turn = [user_item("Look it up"), call, output, assistant_item("Your name is Eve.")]
    assert (await answer([*turn, user_item("Who am I?")])).startswith(UNKNOWN)
    later = [*items("Thanks", "> Your name is Al.", "Who am I?")]
    assert await answer([*turn, *later]) == "Your name is Al."


async def test_a_summary_keeps_what_only_a_reply_tells() -> None:
    asked = user_item("Summarize the conversation so far.")
    summary = await reply_to([*items("> Your name is Alice.", "I like tea"), asked])
    assert summary == "- User said: I like tea.\n- Assistant said: Your name is Alice."
    again = [*summary_items(summary), user_item("Who am I?")]
    assert await reply_to(again) == "Your name is Alice."
    assert await reply_to([*again[:-1], asked]) == summary


async def test_an_id_is_taken_from_a_reply() -> None:
    @function_tool
    def order_status(order_id: str) -> str:
        """Look up the status of an order."""
        return f"Order {order_id} is shipped."

    request = items("> Your order is A-1002.", "What is the status of my order?")
    assert await reply_to(request, order_status) == "Order A-1002 is shipped."
