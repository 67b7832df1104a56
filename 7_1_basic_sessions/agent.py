"""Lesson 7.1: a session is what lets an agent remember.

An agent keeps nothing between two runs. With a session the SDK reads the stored items before a
run, sends them together with the new message, and stores what is new.

Run it from any directory: python 7_1_basic_sessions/agent.py
"""

import asyncio
import subprocess
import sys
from contextlib import closing
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from agents import Agent, RunConfig, Runner, Session, SQLiteSession, TResponseInputItem
from agents.run import CallModelData, ModelInputData

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))

from session_lab.models import choose_model

agent = Agent(name="Assistant", instructions="Reply concisely.", model=choose_model())


async def forget_and_remember() -> SQLiteSession:
    print("Two runs without a session:")
    for text in ["My name is Alice.", "What is my name?"]:
        result = await Runner.run(agent, text)
        print(f"User: {text}\nAssistant: {result.final_output}")
    print("So: an agent keeps nothing from one run to the next.")

    print("\nThe same two messages with a session:")
    session = SQLiteSession("user_123")
    for text in ["My name is Alice.", "What is my name?"]:
        result = await Runner.run(agent, text, session=session)
        print(f"User: {text}\nAssistant: {result.final_output}")
    print(f"So: the session keeps what was said. It holds {len(await session.get_items())} items.")
    return session


calls = count(1)


def show_request(data: CallModelData[None]) -> ModelInputData:
    """The SDK calls this right before each model call, with the items that it sends."""
    names = [str(item.get("role") or item["type"]) for item in data.model_data.input]
    print(f"  sent, call {next(calls)}: {', '.join(names)}")
    return data.model_data


show = RunConfig(call_model_input_filter=show_request)


async def ask(text: str, session: Session | None = None) -> None:
    print(f"User: {text}")
    result = await Runner.run(agent, text, session=session, run_config=show)
    print(f"Assistant: {result.final_output}", flush=True)


async def file_and_second_process(db_path: Path) -> None:
    print("\nA session in a file; then a second process opens that file, with the same ID:")
    with closing(SQLiteSession("user_123", db_path)) as session:
        await ask("I work as a developer.", session)
        child = subprocess.run([sys.executable, __file__, str(db_path)])
        if child.returncode:
            sys.exit(child.returncode)  # It has said why.
        stored = await session.get_items()
    print(f"So: a session in a file is for every process. The first finds {len(stored)} items now.")


async def main() -> None:
    if len(sys.argv) > 1:  # This is the second process; the argument is the path of the file.
        with closing(SQLiteSession("user_123", sys.argv[1])) as session:
            await ask("What do I do for work?", session)
        return

    with closing(await forget_and_remember()) as session:
        print("\nThe question once more, without and with the session, and what is sent:")
        await ask("What is my name?")
        await ask("What is my name?", session)
    print("So: the model remembers nothing. It is sent what is stored, again with each message.")

    print("\nA second session object in memory, with the same ID:")
    with closing(SQLiteSession("user_123")) as session:
        await ask("What is my name?", session)
    print("So: a session in memory belongs to one object, and ends with it.")

    with TemporaryDirectory() as folder:
        await file_and_second_process(Path(folder) / "conversations.db")

    print('\nWhat is "it"? Without a session, then in one:')
    await ask("What state is it in?")
    bridge = [
        "What city is the Golden Gate Bridge in?",
        "What state is it in?",
        "What is the capital of that state?",
    ]
    with closing(SQLiteSession("golden_gate")) as session:
        for text in bridge:
            await ask(text, session)
    print("So: what a message leans on has to be sent with it, and a session does that.")

    print("\nThe same by hand: a list of your own, which to_input_list() returns with the reply:")
    history: list[TResponseInputItem] = []
    for text in bridge:
        print(f"User: {text}")
        history.append({"role": "user", "content": text})
        result = await Runner.run(agent, history, run_config=show)
        print(f"Assistant: {result.final_output}")
        history = result.to_input_list()
    print("So: the same is sent, and nothing is stored. It suits what lives in one function.")


if __name__ == "__main__":
    asyncio.run(main())
