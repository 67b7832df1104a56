"""Lesson 7.2: read, add, pop and clear what is stored, and choose what of it is sent.

What a session stores and what the model is sent are two lists. `add_items`, `pop_item` and
`clear_session` change the first; a limit or a callback shortens the second. Every session here is
in memory, so nothing is left behind.

Run it from any directory: python 7_2_memory_operations/agent.py
"""

import asyncio
import sys
from itertools import count
from pathlib import Path

from agents import Agent, ModelSettings, Runner, SessionSettings, SQLiteSession, function_tool
from agents.memory import Session
from agents.run import CallModelData, ModelInputData, RunConfig

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))

from session_lab.models import choose_model


@function_tool
def order_status(order_id: str) -> str:
    """Look up the status of an order.

    Args:
        order_id: The order's ID, for example A-1001.
    """
    return f"Order {order_id}: being packed"


agent = Agent(
    name="Assistant",
    instructions="Reply concisely. Look orders up with the tool.",
    model=choose_model(),
    tools=[order_status],
)
calls = count(1)


def kinds(items: list) -> str:
    """For example "3 items (user, assistant, user)"."""
    names = ", ".join(item.get("role") or item["type"] for item in items)
    return f"{len(items)} {'item' if len(items) == 1 else 'items'} ({names})"


def show_request(data: CallModelData[None]) -> ModelInputData:
    """The SDK calls this right before each model call, with the items that it sends."""
    print(f"  sent, call {next(calls)}: {kinds(data.model_data.input)}")
    return data.model_data


async def ask(session: Session, text: str, **settings) -> int:
    """Run one turn with these settings of `RunConfig` and print it; returns its input tokens."""
    print(f"User: {text}")
    config = RunConfig(call_model_input_filter=show_request, **settings)
    result = await Runner.run(agent, text, session=session, run_config=config)
    print(f"Assistant: {result.final_output}")
    return result.context_wrapper.usage.input_tokens


async def main() -> None:
    print("get_items() reads what is stored, get_items(limit=2) its last two items:")
    session = SQLiteSession("user_123")
    await ask(session, "My dog's name is Rex.")
    await ask(session, "I work as a nurse.")
    print(f"  get_items(): {kinds(await session.get_items())}")
    for item in await session.get_items(limit=2):
        print(f"  {str(item)[:70]}")
    print("So: a message and its reply are an item each, oldest first.")

    print("\nWhat was said elsewhere is not known, until add_items() stores it:")
    await ask(session, "What is my favorite color?")
    await session.clear_session()
    await session.add_items(
        [
            {"role": "user", "content": "My favorite color is green."},
            {"role": "assistant", "content": "Noted."},
        ]
    )
    print(f"  stored after clear_session() and add_items(): {kinds(await session.get_items())}")
    await ask(session, "What is my favorite color?")
    print("So: an item that you added counts as much as one that a run stored.")

    print("\nA typing error and its reply are two items, and pop_item() removes the last one:")
    await ask(session, "My name is Alcie.")
    for _ in range(2):
        print(f"  popped: {str(await session.pop_item())[:70]}")
    await ask(session, "My name is Alice.")
    print("So: the wrong name is neither stored nor sent.")

    print("\nA turn with a tool call has four items. Two pops of a copy leave half of it:")
    required = ModelSettings(tool_choice="required")
    await ask(session, "What is the status of order A-1002?", model_settings=required)
    half = await copy_of(session)
    await half.pop_item()
    await half.pop_item()
    print(f"  left: {kinds(await half.get_items())}")
    await ask(half, "Thank you.")
    print("So: the call without its output is not sent, but the old question is sent again.")

    print("\nundo_turn() looks where the last turn begins before it pops. Of another copy:")
    whole = await copy_of(session)
    print(f"  removed: {kinds(await undo_turn(whole))}")
    await ask(whole, "Thank you.")
    print("So: nothing of the turn is left, whatever it was made of.")

    print("\nThree copies, one question: everything is sent, the last two items, or two turns:")
    name, limit = "What is my name?", SessionSettings(limit=2)
    everything = await ask(await copy_of(session), name)
    two_items = await ask(await copy_of(session), name, session_settings=limit)
    turns = await ask(await copy_of(session), name, session_input_callback=last_two_turns)
    print(f"  input tokens: everything {everything} | limit=2 {two_items} | two turns {turns}")
    print("So: a limit is the shortest, and cuts anywhere. Whole turns keep what belongs together.")

    print("\nclear_session() deletes all of it:")
    await session.clear_session()
    await ask(session, name)
    print("So: it is forgotten. The next question is the first of a new history.")


async def copy_of(session: Session) -> Session:
    """The same items in a session of their own, which forgets them with the process."""
    copy = SQLiteSession("copy")
    await copy.add_items(await session.get_items())
    return copy


def turn_starts(items: list) -> list[int]:
    """A turn begins at a user message that follows no other. A row may be any JSON."""
    users = [isinstance(item, dict) and item.get("role") == "user" for item in items]
    return [i for i, user in enumerate(users) if user and not (i and users[i - 1])]


async def undo_turn(session: Session) -> list:
    """Remove the last turn, all of its user messages too; returns its items, oldest first.

    It puts nothing back: stopped halfway, it leaves an older state of the session, never a gap.
    No run may use the session meanwhile. Where no user message is stored, nothing is removed.
    """
    # The explicit limit is for a session that has SessionSettings: they hide its older items.
    items = await session.get_items(limit=10**9)
    turn = items[turn_starts(items)[-1] :] if turn_starts(items) else []
    for _ in turn:
        await session.pop_item()
    return turn


def last_two_turns(history: list, new: list) -> list:
    """A `session_input_callback`: what it returns is sent."""
    starts = turn_starts(history)
    return history[starts[-2] :] + new if len(starts) > 1 else history + new


if __name__ == "__main__":
    asyncio.run(main())
