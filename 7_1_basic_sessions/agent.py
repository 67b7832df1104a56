"""Lesson 7.1: a session is what lets an agent remember.

Every run starts from nothing. With a session the SDK reads the stored items before the run, sends
them together with the new message, and stores what is new. This script shows a run without and
with a session, a session in memory and one in a file that a second process opens, and the same
conversation kept by hand.

Run it from any directory: python 7_1_basic_sessions/agent.py
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from agents import (
    Agent,
    RunContextWrapper,
    RunHooks,
    Runner,
    SQLiteSession,
    TResponseInputItem,
    UserError,
)
from agents.memory import Session

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))

from session_lab.models import choose_model

DB_PATH = ROOT / "data" / "basic_sessions.db"
SESSION_ID = "user_123"
CHILD_SECONDS = 600.0
INTRODUCTION = ["My name is Alice.", "What is my name?"]
BRIDGE = [
    "What city is the Golden Gate Bridge in?",
    "What state is it in?",
    "What is the capital of that state?",
]


agent: Agent[Any] = Agent(name="Assistant", instructions="Reply concisely.", model=choose_model())


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


def print_turn(text: str, reply: str, sent: list[TResponseInputItem]) -> None:
    print(f"User: {text}\nAssistant: {reply}\n  sent to the model: {kinds(sent)}")


def kinds(items: Sequence[Any]) -> str:
    """For example "3 items (user, assistant, user)"."""
    names = ", ".join(str(item.get("role") or item["type"]) for item in items)
    return f"{len(items)} {'item' if len(items) == 1 else 'items'} ({names or 'none'})"


async def without_a_session() -> None:
    print("\nWithout a session, each run knows only its own message:")
    requests = Requests()
    for text in INTRODUCTION:
        result = await Runner.run(agent, text, hooks=requests)
        print_turn(text, result.final_output, requests.sent[-1])


async def with_a_session(session: Session, turns: list[str]) -> None:
    """Hold a conversation; the SDK sends the session's items before each new message."""
    requests = Requests()
    for text in turns:
        result = await Runner.run(agent, text, session=session, hooks=requests)
        print_turn(text, result.final_output, requests.sent[-1])
    print(f"  stored in the session: {kinds(await session.get_items())}")


async def memory_or_file(db_path: Path) -> None:
    """Say the same in a memory session and in a file session, then let a second process ask."""
    print("\nThe same sentence goes into a session in memory and into one in a file:")
    in_memory = SQLiteSession(SESSION_ID)
    in_file = SQLiteSession(SESSION_ID, db_path)
    with closing(in_memory), closing(in_file):
        await in_file.clear_session()  # Known state: an earlier run leaves its items in the file.
        text = "I work as a developer."
        for session in (in_memory, in_file):
            result = await Runner.run(agent, text, session=session)
            print(f"User: {text}\nAssistant: {result.final_output}")
        print("A second process opens both by the same session ID:")
        await start_second_process(db_path)
        print("Back in the first process:")
        print(f"  in memory: {kinds(await in_memory.get_items())}")
        print(f"  in {db_path.name}: {kinds(await in_file.get_items())}")


async def start_second_process(db_path: Path) -> None:
    """Run `answer_from_file` in a new Python process and print what that prints, indented."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, __file__, "--answer-from", str(db_path)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    try:
        output, _ = await asyncio.wait_for(child.communicate(), CHILD_SECONDS)
    except asyncio.TimeoutError:
        raise SystemExit(f"No end after {CHILD_SECONDS:g} seconds: second process killed") from None
    finally:
        if child.returncode is None:  # Out of time, or this lesson was stopped.
            child.kill()
            await child.wait()
    for line in output.decode().splitlines():
        print(f"  | {line}")
    if child.returncode:
        raise SystemExit(child.returncode)


async def answer_from_file(db_path: Path) -> None:
    """What the second process does: it was told nothing, it can only read."""
    for name, place in (("memory", ":memory:"), (db_path.name, db_path)):
        with closing(SQLiteSession(SESSION_ID, place)) as session:
            print(f"found in {name}: {kinds(await session.get_items())}")
            await with_a_session(session, ["What do I do for work?"])


async def by_hand() -> None:
    print("\nThe same conversation by hand, with to_input_list():")
    requests = Requests()
    history: list[TResponseInputItem] = []
    for text in BRIDGE:
        history.append({"role": "user", "content": text})
        result = await Runner.run(agent, history, hooks=requests)
        print_turn(text, result.final_output, requests.sent[-1])
        history = result.to_input_list()


async def one_keeper_of_history(session: Session) -> None:
    """A session keeps the history here, `previous_response_id` keeps it on OpenAI's servers."""
    print("\nA session together with a server-managed history is refused before anything is sent:")
    try:
        await Runner.run(agent, "Hello", session=session, previous_response_id="resp_123")
    except UserError as error:
        print(f"UserError: {error}")


async def main() -> None:
    if sys.argv[1:2] == ["--answer-from"]:
        await answer_from_file(Path(sys.argv[2]))
        return
    DB_PATH.parent.mkdir(exist_ok=True)
    print(f"Session {SESSION_ID} in data/{DB_PATH.name} is cleared first, so each run is the same.")
    await without_a_session()
    with closing(SQLiteSession(SESSION_ID)) as session:
        print("\nWith a session, the earlier items are sent too:")
        await with_a_session(session, INTRODUCTION)
    await memory_or_file(DB_PATH)
    with closing(SQLiteSession("golden_gate")) as session:
        print("\nA session carries what 'it' and 'that state' stand for:")
        await with_a_session(session, BRIDGE)
        await by_hand()
        await one_keeper_of_history(session)


if __name__ == "__main__":
    asyncio.run(main())
