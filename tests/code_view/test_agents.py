"""The lab's agents: each tool is called by the offline model, and says so when it cannot help."""

import json
from typing import Any, get_args

import pytest
from agents import FunctionTool, Runner, SQLiteSession
from agents.tool_context import ToolContext

from session_lab.code_view.agents import (
    AGENT_NAMES,
    INSTRUCTIONS,
    PRICES,
    TOOLS,
    AgentName,
    Product,
    days_between,
    make_agent,
    order_status,
    price_quote,
)
from session_lab.history.items import kind, text_of
from session_lab.models.offline import OfflineModel


async def output(tool: FunctionTool, **arguments: Any) -> str:
    """What the SDK stores as the tool's output."""
    data = json.dumps(arguments)
    context: Any = ToolContext(
        context=None, tool_name=tool.name, tool_call_id="c", tool_arguments=data
    )
    return str(await tool.on_invoke_tool(context, data))


def test_every_agent_is_complete() -> None:
    assert AGENT_NAMES == get_args(AgentName) == tuple(INSTRUCTIONS) == tuple(TOOLS)
    for name in AGENT_NAMES:
        agent = make_agent(name, "some-model")
        assert (agent.name, agent.model) == (name, "some-model")
        assert len(str(agent.instructions)) < 100
        assert [tool.name for tool in agent.tools] == [tool.name for tool in TOOLS[name]]


def test_an_unknown_agent_is_an_error() -> None:
    with pytest.raises(KeyError):
        make_agent("Nobody", None)  # type: ignore[arg-type]


def test_every_product_has_a_price() -> None:
    assert get_args(Product) == tuple(PRICES)


@pytest.mark.parametrize(
    ("start", "end", "answer"),
    [
        ("2026-01-01", "2026-03-01", "59 days from 2026-01-01 to 2026-03-01"),
        ("2024-02-28", "2024-02-29", "1 day from 2024-02-28 to 2024-02-29"),
        ("2026-03-01", "2026-01-01", "-59 days from 2026-03-01 to 2026-01-01"),
        ("2026-01-01", "2026-01-01", "0 days from 2026-01-01 to 2026-01-01"),
    ],
)
async def test_days_between(start: str, end: str, answer: str) -> None:
    assert await output(days_between, start_date=start, end_date=end) == answer


@pytest.mark.parametrize("wrong", ["2026-02-30", "tomorrow", ""])
async def test_a_wrong_date_is_explained(wrong: str) -> None:
    said = await output(days_between, start_date=wrong, end_date="2026-01-01")
    assert said.startswith("Error: ") and said.endswith("Write dates as YYYY-MM-DD.")


async def test_order_status() -> None:
    assert await output(order_status, order_id="A-1002") == "Order A-1002: being packed"
    assert await output(order_status, order_id=" a-1002 ") == "Order A-1002: being packed"
    unknown = await output(order_status, order_id="B-9")
    assert unknown == (
        "Error: There is no order B-9. The orders are A-1001, A-1002, A-1003, A-1004."
    )


async def test_price_quote() -> None:
    quoted = await output(price_quote, product="laptop", quantity=3)
    assert quoted == "3 x laptop at $1,200 = $3,600"
    assert (await output(price_quote, product="mouse", quantity=0)).startswith(
        "Error: The quantity"
    )
    assert (await output(price_quote, product="unicorn", quantity=1)).startswith("Error: ")


@pytest.mark.parametrize(
    ("name", "message", "tool_output"),
    [
        (
            "Assistant",
            "How many days from 2026-01-01 to 2026-03-01?",
            "59 days from 2026-01-01 to 2026-03-01",
        ),
        (
            "Support",
            "What is the status of order A-1001?",
            "Order A-1001: shipped, arrives on Friday",
        ),
        ("Sales", "Quote 3 laptops", "3 x laptop at $1,200 = $3,600"),
    ],
)
async def test_the_offline_model_calls_the_tool(
    name: AgentName, message: str, tool_output: str
) -> None:
    session = SQLiteSession("test")
    result = await Runner.run(make_agent(name, OfflineModel()), message, session=session)
    items = await session.get_items()
    assert [kind(item) for item in items] == ["user", "tool call", "tool output", "assistant"]
    assert text_of(items[2]) == tool_output
    assert tool_output in str(result.final_output)
