"""Lesson 7.3: many sessions side by side, and one session used by many.

One database file holds the sessions of several users, contexts and applications, kept apart by
their IDs. Two agents share one session, two runs collide on one and then take turns, and a session
class of our own masks card numbers before they are stored.

Run it from any directory: python 7_3_multi_sessions/agent.py
"""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from agents import (
    Agent,
    RunConfig,
    RunContextWrapper,
    RunHooks,
    Runner,
    RunResult,
    SQLiteSession,
    TResponseInputItem,
)
from agents.memory import Session
from agents.run import CallModelData, ModelInputData

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))

from session_lab.models import choose_model

DB_PATH = ROOT / "data" / "multi_sessions.db"
MESSAGES = {
    "user_123": "My order is A-1001.",
    "user_456": "My order is A-1002.",
    "support_ticket_789": "My printer shows error 50.",
    "sales_inquiry_101": "I need ten laptops.",
    "chatbot_session": "My favorite color is green.",
    "assistant_session": "My favorite color is blue.",
}
INTRODUCTION = ["My name is Alice.", "What is my name?"]
SUPPORT = "You help customers with their orders. Reply concisely."
SALES = "You sell laptops. Reply concisely."

support_agent: Agent[Any] = Agent(name="Support", instructions=SUPPORT, model=choose_model())
sales_agent: Agent[Any] = Agent(name="Sales", instructions=SALES, model=choose_model())


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


async def ask(
    agent: Agent[Any], session: Session, text: str, look_for: str, config: RunConfig | None = None
) -> str:
    """Run one turn. Returns it as text, with whether `look_for` was in what the model was sent."""
    requests = Requests()
    result = await Runner.run(agent, text, session=session, run_config=config, hooks=requests)
    sent = requests.sent[-1]
    found = "is" if look_for in str(sent) else "is not"
    turn = f"User: {text}\n{agent.name}: {result.final_output}"
    return f"{turn}\n  sent: {kinds(sent)}; {look_for} {found} in it"


def kinds(items: Sequence[Any]) -> str:
    """For example "3 items (user, assistant, user)"."""
    names = ", ".join(str(item.get("role") or item["type"]) for item in items)
    return f"{len(items)} {'item' if len(items) == 1 else 'items'} ({names or 'none'})"


def sessions_with(db_path: str | Path, text: str) -> list[str]:
    """The IDs of the sessions in whose rows the text stands, read from the file itself."""
    query = (
        "SELECT DISTINCT session_id FROM agent_messages"
        " WHERE instr(message_data, ?) ORDER BY session_id"
    )
    with closing(sqlite3.connect(db_path)) as db:
        return [session_id for (session_id,) in db.execute(query, (text,))]


async def one_session_for_two_users(session: Session) -> None:
    print("\nTwo users in one session: the second is answered from the first one's items.")
    print(await ask(support_agent, session, MESSAGES["user_123"], "A-1001"))
    print("(now the other user)")
    print(await ask(support_agent, session, "What is my order?", "A-1001"))


async def one_session_each(db_path: Path) -> None:
    """Six conversations at once. Each run has its own session object; the file is the same."""
    print("\nA session ID for each user, each ticket and each application, all in one file:")

    async def say(session_id: str, text: str) -> RunResult:
        with closing(SQLiteSession(session_id, db_path)) as session:
            await session.clear_session()
            return await Runner.run(support_agent, text, session=session)

    results = await asyncio.gather(*(say(key, text) for key, text in MESSAGES.items()))
    for (session_id, text), result in zip(MESSAGES.items(), results, strict=True):
        print(f"{session_id}\n  User: {text}\n  Support: {result.final_output}")
    with closing(SQLiteSession("user_456", db_path)) as session:
        print(await ask(support_agent, session, "What is my order?", "A-1001"))
    print(f"  sessions with A-1001 in their rows: {sessions_with(db_path, 'A-1001')}")
    print(f"  sessions with A-1002 in their rows: {sessions_with(db_path, 'A-1002')}")


async def two_agents_one_session(session: Session) -> None:
    print("\nA second agent takes over the session and is sent what the first was told:")
    print(await ask(support_agent, session, "My laptop is called Thunder.", "Thunder"))
    print(await ask(sales_agent, session, "What is my laptop called?", "Thunder"))


class Meeting:
    """Where the first of two tasks waits for the second."""

    def __init__(self) -> None:
        self.somebody_waits = False
        self.both_are_here = asyncio.Event()

    async def wait_for_the_other(self) -> None:
        if self.somebody_waits:
            self.both_are_here.set()
        self.somebody_waits = True
        await self.both_are_here.wait()


def overlapping_runs() -> RunConfig:
    """Make two runs overlap every time, as they do by chance on a busy server.

    Both have read the history before one stores its message, and both have stored theirs before
    one asks the model.
    """
    have_read, have_stored = Meeting(), Meeting()

    async def after_reading(
        history: list[TResponseInputItem], new_items: list[TResponseInputItem]
    ) -> list[TResponseInputItem]:
        await have_read.wait_for_the_other()
        return history + new_items

    async def after_storing(data: CallModelData[Any]) -> ModelInputData:
        await have_stored.wait_for_the_other()
        return data.model_data

    return RunConfig(session_input_callback=after_reading, call_model_input_filter=after_storing)


async def two_runs_at_once(session: Session) -> None:
    print("\nTwo messages at the same moment: neither run is sent the other's message.")
    config = overlapping_runs()
    turns = (ask(support_agent, session, text, "Alice", config) for text in INTRODUCTION)
    print(*await asyncio.gather(*turns), sep="\n")
    print(f"  stored: {kinds(await session.get_items())}")


class SessionLocks:
    """One lock for each session ID, forgotten when nobody uses it any more.

    They order the runs of one event loop. Several processes need a lock that all of them share (in
    the database or in Redis), or a queue that gives each session to one and the same worker.
    """

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def __getitem__(self, session_id: str) -> asyncio.Lock:
        return self._locks.setdefault(session_id, asyncio.Lock())


async def two_runs_in_turn(session: Session) -> None:
    print("\nThe same two messages, with a lock for the session: one whole turn after the other.")
    locks = SessionLocks()

    async def ask_in_turn(text: str) -> str:
        async with locks[session.session_id]:
            return await ask(support_agent, session, text, "Alice")

    print(*await asyncio.gather(*(ask_in_turn(text) for text in INTRODUCTION)), sep="\n")
    print(f"  stored: {kinds(await session.get_items())}")


# The usual 16 or 15 digits, grouped or not. No decimals, and no timestamp: that begins with 1.
CARD_NUMBER = re.compile(r"(?<!\d\.)\b[2-9]\d{3}(([ -]?\d{4}){3}|[ -]?\d{6}[ -]?\d{5})\b")
NOT_TEXT = {"id", "call_id", "encrypted_content", "image_url", "file_data"}


def mask_if_card(match: re.Match[str]) -> str:
    """The Luhn checksum tells: it is right in a card number, and in one of ten other numbers."""
    digits = [int(char) for char in reversed(match[0]) if char.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    is_card = (sum(digits[::2]) + sum(doubled)) % 10 == 0
    return f"[card ending in {match[0][-4:]}]" if is_card else match[0]


def mask_cards(value: Any) -> Any:
    """A copy of a JSON value, in whose texts card numbers are masked but for the last four digits.

    Numbers stay as they are: other programs count on their type.
    """
    if isinstance(value, dict):
        return {k: part if k in NOT_TEXT else mask_cards(part) for k, part in value.items()}
    if isinstance(value, list):
        return [mask_cards(part) for part in value]
    return CARD_NUMBER.sub(mask_if_card, value) if isinstance(value, str) else value


def mask_item(item: Any) -> Any:
    """The same for an item. A tool call's `arguments`, JSON in a string, must stay JSON."""
    masked = mask_cards(item)
    if isinstance(text := item.get("arguments"), str):
        with suppress(ValueError):
            given = json.loads(text)
            kept = mask_cards(given)
            masked["arguments"] = text if kept == given else json.dumps(kept)
    return masked


class MaskingSession:
    """The SDK's `Session` protocol around any other session: no text is stored with a card number.

    Who owns the wrapped session closes it.
    """

    def __init__(self, wrapped: Session) -> None:
        self.wrapped = wrapped
        self.session_id = wrapped.session_id
        self.session_settings = wrapped.session_settings

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        return await self.wrapped.get_items(limit)

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        await self.wrapped.add_items([mask_item(item) for item in items])

    async def pop_item(self) -> TResponseInputItem | None:
        return await self.wrapped.pop_item()

    async def clear_session(self) -> None:
        await self.wrapped.clear_session()


async def mask_what_is_stored(session: SQLiteSession) -> None:
    print("\nA session of our own masks card numbers; the model still gets this turn's message:")
    card = "4111 1111 1111 1111"
    masking = MaskingSession(session)
    print(await ask(support_agent, masking, f"My card number is {card}.", card))
    print(await ask(support_agent, masking, "What is my card number?", card))
    for text in (card, "[card ending in 1111]"):
        print(f"  sessions with {text} in their rows: {sessions_with(session.db_path, text)}")


async def main() -> None:
    DB_PATH.parent.mkdir(exist_ok=True)
    print(f"Each part clears its sessions in data/{DB_PATH.name} first.")
    with closing(SQLiteSession("everybody")) as session:
        await one_session_for_two_users(session)
    await one_session_each(DB_PATH)
    for part in (
        two_agents_one_session,
        two_runs_at_once,
        two_runs_in_turn,
        mask_what_is_stored,
    ):
        with closing(SQLiteSession(part.__name__, DB_PATH)) as session:
            await session.clear_session()
            await part(session)


if __name__ == "__main__":
    asyncio.run(main())
