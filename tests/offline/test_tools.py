"""Function tools that the offline model calls."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from agents import (
    Agent,
    ModelSettings,
    Runner,
    function_tool,
)
from offline_tools import UNKNOWN, calls_of, check, talk

from session_lab.offline_model import OfflineModel


@function_tool
def order_status(order_id: str) -> dict[str, Any]:
    """Look up the status of an order."""
    return {"order_id": order_id, "status": "shipped", "parts": ["lamp", "bulb"]}


@function_tool
def refund_order(order_id: str, reason: str = "none given") -> str:
    """Refund an order."""
    return f"Order {order_id} is refunded, reason: {reason}"


@function_tool
def get_weather(city: str) -> str:
    """Get the weather for a city."""
    return f"The weather in {city} is fine."


@function_tool
def price_quote(product: Literal["laptop", "mouse"], quantity: int) -> str:
    """Quote the price of a number of laptops or mice."""
    return f"{quantity} x {product} cost $10."


@function_tool
def convert_currency(amount: float, from_currency: str, to_currency: str) -> float:
    """Convert an amount of money."""
    return amount * 2


@function_tool
def days_between(start_date: str, end_date: str) -> str:
    """Count the days from one date to another."""
    return f"{start_date} to {end_date}: 5 days."


@function_tool
def current_time() -> str:
    """Tell the time."""
    return "12:30"


@function_tool
def save_note(text: str, urgent: bool, tags: list[str] | None = None) -> str:
    """Save a note."""
    return "saved"


TOOLS = (order_status, refund_order, get_weather, price_quote, convert_currency, days_between)
TOOLS += (current_time, save_note)


CALLS: list[tuple[str, list[tuple[str, dict[str, Any]]], str]] = [
    (
        "What is the status of order A-1001?",
        [("order_status", {"order_id": "A-1001"})],
        "order_status returned: order id A-1001, status shipped, parts lamp; bulb.",
    ),
    (
        "Please check order 1001",
        [("order_status", {"order_id": "1001"})],
        "order_status returned: order id 1001, status shipped, parts lamp; bulb.",
    ),
    (
        "Refund order A-7",
        [("refund_order", {"order_id": "A-7", "reason": "none given"})],
        "Order A-7 is refunded, reason: none given.",
    ),
    (
        "What's the weather in New York?",
        [("get_weather", {"city": "New York"})],
        "The weather in New York is fine.",
    ),
    (
        "weather in oslo",
        [("get_weather", {"city": "oslo"})],
        "The weather in oslo is fine.",
    ),
    (
        "What do 3 laptops cost?",
        [("price_quote", {"product": "laptop", "quantity": 3})],
        "3 x laptop cost $10.",
    ),
    (
        "How much is a mouse?",
        [("price_quote", {"product": "mouse", "quantity": 1})],
        "1 x mouse cost $10.",
    ),
    (
        "Price of two laptops, please",
        [("price_quote", {"product": "laptop", "quantity": 2})],
        "2 x laptop cost $10.",
    ),
    (
        "Convert 100.5 USD to EUR",
        [
            (
                "convert_currency",
                {"amount": 100.5, "from_currency": "USD", "to_currency": "EUR"},
            )
        ],
        "convert_currency returned: 201.0.",
    ),
    (
        "How many days are between 2026-01-31 and 2026-02-05?",
        [("days_between", {"start_date": "2026-01-31", "end_date": "2026-02-05"})],
        "2026-01-31 to 2026-02-05: 5 days.",
    ),
    ("What time is it?", [("current_time", {})], "current_time returned: 12:30."),
    (
        "Remember that I like tea",
        [("save_note", {"text": "I like tea", "urgent": False, "tags": None})],
        "save_note returned: saved.",
    ),
    (
        "What's the weather in Oslo and the status of order A-1?",
        [("order_status", {"order_id": "A-1"}), ("get_weather", {"city": "Oslo"})],
        "order_status returned: order id A-1, status shipped, parts lamp; bulb."
        " The weather in Oslo is fine.",
    ),
    ("My order A-1001 is late", [], "Noted: your order A-1001 is late."),
    ("What's my name?", [], "I don't know: the one item I was sent does not say so."),
    ("What is 3 + 4?", [], "3 + 4 = 7."),
    ("What is the status of my order?", [], "Which order_id should I use for order_status?"),
    ("Could you check an order?", [], "Which order_id should I use for order_status?"),
    ("What's the weather?", [], "Which city should I use for get_weather?"),
]


@pytest.mark.parametrize(("message", "calls", "reply"), CALLS, ids=[case[0] for case in CALLS])
async def test_tools_are_called_when_the_message_asks(
    message: str, calls: list[tuple[str, dict[str, Any]]], reply: str
) -> None:
    result = await talk(message, tools=TOOLS)
    assert calls_of(result) == calls
    assert result.final_output == reply


async def test_the_missing_argument_can_follow() -> None:
    result = await talk("Where is my order?", "A-1001", tools=TOOLS)
    assert calls_of(result) == [("order_status", {"order_id": "A-1001"})]


async def test_an_id_of_an_earlier_message_is_used() -> None:
    result = await talk("My order is A-1001.", "Hello", "Where is my order?", tools=TOOLS)
    assert calls_of(result) == [("order_status", {"order_id": "A-1001"})]


async def test_a_question_about_the_user_calls_nothing() -> None:
    result = await talk("My order is A-1001.", "Did I order pizza?", tools=TOOLS)
    assert calls_of(result) == []
    check(result, UNKNOWN)


async def test_another_message_does_not_answer_what_the_model_asked() -> None:
    for message, expected in (
        ("My name is Bob2000", "Noted: your name is Bob2000."),
        ("What's my name?", UNKNOWN),
    ):
        result = await talk("Where is my order?", message, tools=TOOLS)
        assert calls_of(result) == []
        check(result, expected)


async def test_a_question_for_the_id_itself_calls_nothing() -> None:
    result = await talk("My order is A-1001.", "What is my order number?", tools=TOOLS)
    assert calls_of(result) == []
    assert result.final_output == "Your order is A-1001."


async def test_the_same_tool_can_be_asked_for_again_in_the_next_turn() -> None:
    result = await talk("Status of order A-1?", "Status of order A-2?", tools=TOOLS)
    assert calls_of(result) == [("order_status", {"order_id": "A-2"})]


@pytest.mark.parametrize(
    ("choice", "message", "names"),
    [
        ("none", "What time is it?", []),
        ("required", "Hello", ["current_time"]),
        ("current_time", "Hello", ["current_time"]),
    ],
)
async def test_tool_choice(choice: str, message: str, names: list[str]) -> None:
    agent = Agent(
        "Assistant",
        model=OfflineModel(),
        tools=[current_time],
        model_settings=ModelSettings(tool_choice=choice),
        reset_tool_choice=False,
    )
    result = await Runner.run(agent, message, max_turns=3)
    assert [name for name, _ in calls_of(result)] == names


async def test_calls_have_ids_of_their_own() -> None:
    items = (await talk("Time and weather in Oslo?", tools=TOOLS)).to_input_list()
    again = (await talk("Time and weather in Oslo?", tools=TOOLS)).to_input_list()
    call_ids = [item["call_id"] for item in items + again if item.get("type") == "function_call"]
    assert len(set(call_ids)) == len(call_ids) == 4
