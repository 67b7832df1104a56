"""The lab's agents: each tool answers, or says why not. pages/test_chat.py has each one asked."""

import json
from typing import Any, get_args

import pytest
from agents import FunctionTool
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


def test_every_agent_and_every_product_is_complete() -> None:
    assert AGENT_NAMES == get_args(AgentName) == tuple(INSTRUCTIONS) == tuple(TOOLS)
    for name in AGENT_NAMES:
        agent = make_agent(name, "some-model")
        assert (agent.name, agent.model, agent.tools) == (name, "some-model", TOOLS[name])
    assert get_args(Product) == tuple(PRICES)


@pytest.mark.parametrize(
    ("tool", "arguments", "output"),
    [
        (days_between, ("2026-01-01", "2026-03-01"), "59 days from 2026-01-01 to 2026-03-01"),
        (days_between, ("2024-02-28", "2024-02-29"), "1 day from 2024-02-28 to 2024-02-29"),
        (days_between, ("2026-03-01", "2026-01-01"), "-59 days from 2026-03-01 to 2026-01-01"),
        (days_between, ("2026-02-30", "2026-01-01"), "Error: * Write dates as YYYY-MM-DD."),
        (days_between, ("2026-01-01", "tomorrow"), "Error: * Write dates as YYYY-MM-DD."),
        (order_status, ("A-1002",), "Order A-1002: being packed"),
        (order_status, (" a-1002 ",), "Order A-1002: being packed"),
        (order_status, ("B-9",), "Error: There is no order B-9. The orders are A-1001, * A-1004."),
        (price_quote, ("laptop", 3), "3 x laptop at $1,200 = $3,600"),
        (price_quote, ("mouse", 0), "Error: The quantity must be 1 or more, not 0."),
        (price_quote, ("unicorn", 1), "Error: *"),
    ],
)
async def test_a_tool_answers_or_says_why_it_cannot(
    tool: FunctionTool, arguments: tuple[Any, ...], output: str
) -> None:
    named = dict(zip(tool.params_json_schema["properties"], arguments, strict=True))
    data = json.dumps(named)
    context: Any = ToolContext(
        context=None, tool_name=tool.name, tool_call_id="c", tool_arguments=data
    )
    begin, _, end = output.partition("*")
    answer = str(await tool.on_invoke_tool(context, data))
    assert answer == output or ("*" in output and answer.startswith(begin) and answer.endswith(end))
