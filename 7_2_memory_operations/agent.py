"""Lesson 7.2: read, add, pop and clear what is stored, and choose what of it is sent.

What a session stores and what the model is sent are two lists. This script changes the first with
`add_items`, `pop_item` and `clear_session`, and the second with `SessionSettings(limit=...)` and
`RunConfig(session_input_callback=...)`. It prints both lists after every turn.

Run it from any directory: python 7_2_memory_operations/agent.py
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from agents import (
    Agent,
    ModelSettings,
    RunConfig,
    RunContextWrapper,
    RunHooks,
    Runner,
    SessionSettings,
    SQLiteSession,
    TResponseInputItem,
    function_tool,
)
from agents.memory import Session

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))

from session_lab.models import choose_model

DB_PATH = ROOT / "data" / "memory_operations.db"
ORDERS = {"A-1001": "shipped, arrives on Friday", "A-1002": "being packed"}
FACTS = ["My name is Alice.", "My dog's name is Rex."]
DOG = "What is my dog's name?"
CALL_TOOL = RunConfig(model_settings=ModelSettings(tool_choice="required"))


@function_tool
def order_status(order_id: str) -> str:
    """Look up the status of an order.

    Args:
        order_id: The order's ID, for example A-1001.
    """
    return f"Order {order_id}: {ORDERS.get(order_id, 'not found')}"


agent: Agent[Any] = Agent(
    name="Assistant",
    instructions="Reply concisely. Look orders up with the tool.",
    tools=[order_status],
    model=choose_model(),
)


class Requests(RunHooks[Any]):
    """Keeps what the model was sent; the SDK calls `on_llm_start` right before each model call."""

    def __init__(self) -> None:
        self.sent: list[list[TResponseInputItem]] = []

    async def on_llm_start(
        self,
        context: RunContextWrapper[Any],
        agent: Agent[Any],
        system_prompt: str | None,
        input_items: list[TResponseInputItem],
    ) -> None:
        self.sent.append(list(input_items))


async def ask(session: Session, text: str, config: RunConfig | None = None) -> None:
    """Run one turn and print it with both lists and the length that the model reports."""
    requests = Requests()
    result = await Runner.run(agent, text, session=session, run_config=config, hooks=requests)
    tokens = result.raw_responses[0].usage.input_tokens
    print(f"User: {text}\nAssistant: {result.final_output}")
    print(f"  sent: {kinds(requests.sent[0])}, {tokens} input tokens")
    print(f"  stored: {kinds(await session.get_items())}")


def kinds(items: Sequence[Any]) -> str:
    """For example "3 items (user, assistant, user)"."""
    names = ", ".join(str(item.get("role") or item["type"]) for item in items)
    return f"{len(items)} {'item' if len(items) == 1 else 'items'} ({names or 'none'})"


async def read_items(session: Session) -> None:
    print("\nget_items() returns what is stored, get_items(limit=2) its last two items:")
    await ask(session, FACTS[0])
    await ask(session, FACTS[1])
    for item in await session.get_items(limit=2):
        text = json.dumps(item, sort_keys=True)
        print(f"  {text if len(text) < 90 else text[:87] + '...'}")


async def seed(session: Session) -> None:
    """Bring in what was said elsewhere: in another channel, program or year."""
    question = "What is my favorite color?"
    print("\nAn empty session cannot know; one with added items can:")
    await ask(session, question)
    await session.clear_session()
    await session.add_items(
        [
            {"role": "user", "content": "My favorite color is green."},
            {"role": "assistant", "content": "Noted: your favorite color is green."},
        ]
    )
    await ask(session, question)


async def correct(session: Session) -> None:
    """`pop_item` removes and returns exactly one item, the last."""
    print("\nA typing error is popped before the model is asked:")
    await session.add_items([{"role": "user", "content": "My name is Alcie."}])
    print(f"  popped: {await session.pop_item()}")
    await ask(session, FACTS[0])


async def pop_twice(session: Session) -> None:
    """Two pops suit a turn of two items. A tool call makes it four; reasoning adds more."""
    print("\nTwo blind pops leave the question and the tool call:")
    await ask(session, "What is the status of order A-1002?", CALL_TOOL)
    await session.pop_item()
    await session.pop_item()
    print(f"  left: {kinds(await session.get_items())}")
    print("The SDK sends no tool call without its output, but the old question is sent again:")
    await ask(session, FACTS[0])


async def undo_turn(session: Session) -> list[TResponseInputItem]:
    """Remove the last user message and all that followed it; returns these items in order.

    No run may use the session meanwhile: lesson 7.3 has the lock for that. A session that holds no
    user message keeps its items.
    """
    popped: list[TResponseInputItem] = []
    while (item := await session.pop_item()) is not None:
        popped.insert(0, item)
        if item.get("role") == "user":
            return popped
    await session.add_items(popped)
    return []


async def undo_a_turn(session: Session) -> None:
    print("\nUndoing the whole turn leaves nothing of it:")
    await ask(session, "What is the status of order A-1002?", CALL_TOOL)
    print(f"  undone: {kinds(await undo_turn(session))}")
    await ask(session, FACTS[0])


def last_turns(items: list[TResponseInputItem], count: int) -> list[TResponseInputItem]:
    """The last `count` turns. A turn starts at a user message, so no tool pair is cut apart."""
    starts = [index for index, item in enumerate(items) if item.get("role") == "user"]
    return items[starts[-count] :] if len(starts) > count else items


def send_three_turns(
    history: list[TResponseInputItem], new_items: list[TResponseInputItem]
) -> list[TResponseInputItem]:
    """A `session_input_callback`. Return items of these two lists: any other would be stored."""
    return last_turns(history, 3) + new_items


async def bound_what_is_sent(session: Session) -> None:
    print("\nAll that is stored is sent, so every request is longer than the one before:")
    for text in FACTS:
        await ask(session, text)
    await ask(session, "What is the status of order A-1001?", CALL_TOOL)
    print("SessionSettings(limit=2) reads the last two items, and of half a tool pair sends none:")
    limit = RunConfig(session_settings=SessionSettings(limit=2))
    await ask(session, DOG, limit)
    print("A session_input_callback that sends the last three turns, whole:")
    await ask(session, DOG, RunConfig(session_input_callback=send_three_turns))


async def clear(db_path: Path) -> None:
    """Continue in a new session with the last turn; the old one is cleared only after that."""
    print("\nclear_session() deletes the items and the session's own row:")
    old, new = SQLiteSession("clear_old", db_path), SQLiteSession("clear_new", db_path)
    with closing(old), closing(new):
        await new.clear_session()
        await old.clear_session()
        await ask(old, FACTS[0])
        await ask(old, FACTS[1])
        await new.add_items(last_turns(await old.get_items(), 1))
        print(f"  rows before: {rows(db_path, 'clear_old')}")
        await old.clear_session()
        print(f"  rows after: {rows(db_path, 'clear_old')}")
        await ask(new, DOG)


def rows(db_path: Path, session_id: str) -> dict[str, int]:
    """The session's number of rows in each of the SDK's two tables, read from the file itself."""
    with closing(sqlite3.connect(db_path)) as db:
        query = "SELECT count(*) FROM {} WHERE session_id = ?"
        tables = ("agent_sessions", "agent_messages")
        return {t: db.execute(query.format(t), (session_id,)).fetchone()[0] for t in tables}


async def main() -> None:
    DB_PATH.parent.mkdir(exist_ok=True)
    print(f"Each part clears its session in data/{DB_PATH.name} first.")
    for part in (read_items, seed, correct, pop_twice, undo_a_turn, bound_what_is_sent):
        with closing(SQLiteSession(part.__name__, DB_PATH)) as session:
            await session.clear_session()
            await part(session)
    await clear(DB_PATH)


if __name__ == "__main__":
    asyncio.run(main())
