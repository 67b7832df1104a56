"""Lesson 7.3: many sessions side by side, and one session used by many.

A session ID keeps a conversation apart from others; one database file holds as many as you like.
Two agents can share a session. Two runs at once can't, unless one waits for the other. And a
session can be a class of your own.

Run it from any directory: python 7_3_multi_sessions/agent.py
"""

import asyncio
import json
import sqlite3
import sys
from contextlib import closing
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from agents import (
    Agent,
    RunConfig,
    Runner,
    Session,
    SessionSettings,
    SQLiteSession,
    TResponseInputItem,
)
from agents.run import CallModelData, ModelInputData

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))

from session_lab.models import choose_model

agent = Agent(name="Assistant", instructions="Reply concisely.", model=choose_model())
calls = count(1)


def kinds(items: list[TResponseInputItem]) -> str:
    return ", ".join(str(item.get("role") or item["type"]) for item in items)


def show_request(data: CallModelData[str]) -> ModelInputData:
    """The SDK calls this right before each model call, with the items that it sends."""
    print(f"[{data.context}]   sent, call {next(calls)}: {kinds(data.model_data.input)}")
    return data.model_data


async def ask(who: str, text: str, session: Session, agent: Agent = agent) -> None:
    """Run one turn. `context` is sent to no model: here it says whose turn it is."""
    print(f"[{who}] User: {text}")
    config = RunConfig(call_model_input_filter=show_request)
    result = await Runner.run(agent, text, session=session, context=who, run_config=config)
    print(f"[{who}] {agent.name}: {result.final_output}")


async def one_session_each(db_path: Path) -> None:
    print("\nA session ID for each user, each context and each application, all in one file:")
    messages = {
        "user_123": "My order is A-1001.",
        "user_456": "My order is A-1002.",
        "support_ticket_789": "My printer shows error 50.",
        "sales_inquiry_101": "I need ten laptops.",
        "chatbot_session": "My favorite color is green.",
        "assistant_session": "My favorite color is blue.",
    }
    for session_id, text in messages.items():
        with closing(SQLiteSession(session_id, db_path)) as session:
            await ask(session_id, text, session)
    with closing(SQLiteSession("user_456", db_path)) as session:
        await ask("user_456", "What is my order?", session)
    with closing(sqlite3.connect(db_path)) as db:
        query = "SELECT DISTINCT session_id FROM agent_messages WHERE message_data LIKE ?"
        print("  sessions with A-1001 in a row:", db.execute(query, ["%A-1001%"]).fetchall())
    print("So: a run reads the rows of its own session ID, and no others.")


class SlowSession(SQLiteSession):
    """A session that takes its time, as a database does that is far away."""

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        items = await super().get_items(limit)
        await asyncio.sleep(0.4)
        return items

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        await super().add_items(items)
        await asyncio.sleep(0.4)


async def two_runs_at_once(session: Session) -> None:
    print("\nTwo runs in one session, of which the second starts before the first has ended:")
    first = asyncio.create_task(ask("run 1", "My name is Alice.", session))
    await asyncio.sleep(0.2)
    await ask("run 2", "What is my name?", session)
    await first
    print(f"  stored: {kinds(await session.get_items())}")
    print("So: neither run is sent the other's turn, and the turns are stored mixed.")


async def one_run_after_the_other(session: Session) -> None:
    print("\nThe same two runs with a lock:")
    lock = asyncio.Lock()  # One for this session. Other sessions need not wait.

    async def ask_in_turn(who: str, text: str) -> None:
        async with lock:
            await ask(who, text, session)

    await asyncio.gather(
        ask_in_turn("run 1", "My name is Alice."), ask_in_turn("run 2", "What is my name?")
    )
    print(f"  stored: {kinds(await session.get_items())}")
    print("So: the second run waits for the whole turn of the first, and is sent it.")


class ListSession:
    """The SDK's `Session` protocol: two attributes and four methods. It keeps items as JSON."""

    session_settings: SessionSettings | None = None

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.rows: list[str] = []

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        start = 0 if limit is None else max(0, len(self.rows) - limit)
        return [json.loads(row) for row in self.rows[start:]]

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        self.rows += [json.dumps(item) for item in items]

    async def pop_item(self) -> TResponseInputItem | None:
        return json.loads(self.rows.pop()) if self.rows else None

    async def clear_session(self) -> None:
        self.rows.clear()


async def main() -> None:
    print("Two users in one session:")
    with closing(SQLiteSession("everybody")) as session:
        await ask("user_123", "My order is A-1001.", session)
        await ask("user_456", "What is my order?", session)
    print("So: the second user is told the order of the first. That is a leak.")

    with TemporaryDirectory() as folder:
        await one_session_each(Path(folder) / "conversations.db")

    print("\nTwo agents, one after the other, in one session:")
    sales = agent.clone(name="Sales", instructions="You sell laptops. Reply concisely.")
    with closing(SQLiteSession("sales_inquiry_101")) as session:
        await ask("sales_inquiry_101", "My laptop is called Thunder.", session)
        await ask("sales_inquiry_101", "What is my laptop called?", session, sales)
    print("So: the second is sent what the first was told. This is no handoff: we chose the agent.")

    with closing(SlowSession("user_123")) as session:
        await two_runs_at_once(session)
    with closing(SlowSession("user_123")) as session:
        await one_run_after_the_other(session)

    print("\nA session class of our own, which keeps its items in a list:")
    own = ListSession("chatbot_session")
    await ask("chatbot_session", "My favorite color is green.", own)
    await ask("chatbot_session", "What is my favorite color?", own)
    print(f"  stored: {kinds(await own.get_items())}")
    print("So: any class with these two attributes and four methods is a session.")


if __name__ == "__main__":
    asyncio.run(main())
