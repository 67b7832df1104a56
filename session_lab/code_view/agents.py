"""The three agents of the lab. Each has one local tool, so that tool items exist to be looked at.

The `Code` tab shows programs that import `make_agent` from here.
"""

from datetime import date
from typing import Annotated, Any, Literal

from agents import Agent, Model, RunContextWrapper, Tool, function_tool
from pydantic import Field

AgentName = Literal["Assistant", "Support", "Sales"]
AGENT_NAMES: tuple[AgentName, ...] = ("Assistant", "Support", "Sales")

Product = Literal["laptop", "monitor", "keyboard", "mouse"]
PRICES: dict[Product, int] = {"laptop": 1200, "monitor": 300, "keyboard": 80, "mouse": 25}
"""US dollars for one piece."""

ORDERS = {
    "A-1001": "shipped, arrives on Friday",
    "A-1002": "being packed",
    "A-1003": "delivered on Monday",
    "A-1004": "cancelled and refunded",
}


def tell_the_model(context: RunContextWrapper[Any], error: Exception) -> str:
    """A failed tool's output. It names the remedy, so that the model can pass it on."""
    return f"Error: {error}"


@function_tool(failure_error_function=tell_the_model)
def days_between(
    start_date: Annotated[str, Field(description="First date, for example 2026-01-31")],
    end_date: Annotated[str, Field(description="Second date, for example 2026-03-01")],
) -> str:
    """Count the days from one date to another."""
    try:
        days = (date.fromisoformat(end_date) - date.fromisoformat(start_date)).days
    except ValueError as error:
        raise ValueError(f"{error}. Write dates as YYYY-MM-DD.") from error
    return f"{days} {'day' if abs(days) == 1 else 'days'} from {start_date} to {end_date}"


@function_tool(failure_error_function=tell_the_model)
def order_status(
    order_id: Annotated[str, Field(description="The order's ID, for example A-1001")],
) -> str:
    """Look up the status of an order."""
    known = order_id.strip().upper()
    if known not in ORDERS:
        raise ValueError(f"There is no order {order_id}. The orders are {', '.join(ORDERS)}.")
    return f"Order {known}: {ORDERS[known]}"


@function_tool(failure_error_function=tell_the_model)
def price_quote(
    product: Annotated[Product, Field(description="What to buy")],
    quantity: Annotated[int, Field(description="How many pieces, 1 or more")],
) -> str:
    """Quote the price of a number of laptops, monitors, keyboards or mice."""
    if quantity < 1:
        raise ValueError(f"The quantity must be 1 or more, not {quantity}.")
    return f"{quantity} x {product} at ${PRICES[product]:,} = ${quantity * PRICES[product]:,}"


INSTRUCTIONS: dict[AgentName, str] = {
    "Assistant": "You are a helpful assistant. Answer in one or two sentences.",
    "Support": "You help customers with their orders. Be kind, and answer in one or two sentences.",
    "Sales": "You quote prices. Name the total, and answer in one or two sentences.",
}
TOOLS: dict[AgentName, list[Tool]] = {
    "Assistant": [days_between],
    "Support": [order_status],
    "Sales": [price_quote],
}


ACCEPTED: dict[AgentName, str] = {
    "Assistant": "`days_between` takes two dates, such as 2026-01-31.",
    "Support": f"`order_status` takes an order's ID: {', '.join(ORDERS)}.",
    "Sales": f"`price_quote` takes a number and a product: {', '.join(PRICES)}.",
}
"""One line on each agent's tool."""
TRY: dict[AgentName, str] = {
    "Assistant": "How many days from 2026-01-01 to 2026-03-01?",
    "Support": "Where is order A-1001?",
    "Sales": "What do 3 laptops cost?",
}
"""A message that has the tool called."""


def make_agent(name: AgentName, model: Model | str | None) -> Agent[Any]:
    """The agent called `name`; `model` is what `Agent(model=...)` takes.

    Raises:
        KeyError: there is no agent of that name.
    """
    return Agent(name=name, instructions=INSTRUCTIONS[name], tools=TOOLS[name], model=model)
