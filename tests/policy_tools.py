"""What the tests of histories share: items, and a run that records its requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents import Agent, Runner, SQLiteSession, function_tool
from agents.memory import Session
from agents.testing import ScriptedModel, assistant_message
from hypothesis import strategies as st

from session_lab.history.items import assistant_item, text_of, user_item
from session_lab.history.policies import MemoryPolicy


def call(call_id: str, **more: Any) -> Any:
    return {"type": "function_call", "call_id": call_id, "name": "look", "arguments": "{}", **more}


def output(call_id: str, text: str = "seen") -> Any:
    return {"type": "function_call_output", "call_id": call_id, "output": text}


def tool_turn(number: int) -> list[Any]:
    call_id = f"call_{number}"
    return [
        user_item(f"question {number}"),
        call(call_id),
        output(call_id),
        assistant_item(f"answer {number}"),
    ]


async def no_summary(items: Sequence[Any]) -> str:
    raise AssertionError("no summary was expected")


async def stub_summary(items: Sequence[Any]) -> str:
    return f"summary of {len(items)}"


class ListSession:
    """A session that is not SQLite: the bare protocol."""

    session_id = "list"
    session_settings = None

    def __init__(self, items: Sequence[Any] = ()) -> None:
        self.items: list[Any] = list(items)

    async def get_items(self, limit: int | None = None) -> list[Any]:
        return list(self.items if limit is None else self.items[max(0, len(self.items) - limit) :])

    async def add_items(self, items: list[Any]) -> None:
        self.items.extend(items)

    async def pop_item(self) -> Any:
        return self.items.pop() if self.items else None

    async def clear_session(self) -> None:
        self.items.clear()


async def filled(items: Sequence[Any]) -> SQLiteSession:
    session = SQLiteSession("test")
    await session.add_items(list(items))
    return session


async def send(
    session: Session,
    policy: MemoryPolicy,
    text: str | None = "new question",
    summarize: Any = stub_summary,
    steps: Sequence[Any] = (),
) -> list[list[Any]]:
    """Run one turn; the input of each model call."""

    @function_tool
    def look() -> str:
        return "seen"

    model = ScriptedModel(steps or [[assistant_message("new answer")]])
    config = await policy.run_config(session, summarize, retry=text is None)
    agent = Agent("Assistant", model=model, tools=[look])
    await Runner.run(agent, text if text else [], session=session, run_config=config)
    model.assert_complete()
    return [recorded.input for recorded in model.calls]


def texts(items: Sequence[Any]) -> list[str]:
    return [text_of(item) for item in items]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
HISTORY = [item for number in (1, 2, 3) for item in tool_turn(number)]
