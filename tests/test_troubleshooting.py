"""Each line of the README's troubleshooting table, made to happen, and its remedy tried."""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    RunConfig,
    Runner,
    SessionSettings,
    SQLiteSession,
    UserError,
)
from agents.testing import ScriptedModel, assistant_message
from lesson_loader import load_lesson
from loopback_server import LoopbackServer
from openai import APIConnectionError, AsyncOpenAI
from readme_checks import ROOT

from session_lab.history.items import user_item

TRIED = {
    # Lesson 7.1's test: a second object in memory finds nothing, a second process finds the file.
    "The agent forgets after a restart",
    # Lesson 7.3's test: two users in one session, then a session each.
    "One user sees what another said",
    # Lesson 7.3's test: what two runs at once store, without and with a lock.
    "Questions and answers are out of order",
}


def symptom(words: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Marks the test that makes the table's line with these words happen."""
    TRIED.add(words)
    return lambda test: test


def model(*replies: str | Exception) -> ScriptedModel:
    steps = [[assistant_message(r)] if isinstance(r, str) else r for r in replies]
    return ScriptedModel(steps)


async def roles(session: SQLiteSession) -> list[str]:
    return [str(item.get("role")) for item in await session.get_items()]


def test_every_line_of_the_table_is_tried() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.split("## Troubleshooting")[1].split("\n## ")[0]
    lines = re.findall(r"^\| (.+?) \|", section, re.MULTILINE)[2:]
    assert sorted(lines) == sorted(TRIED)


@symptom("A long conversation gets slow or expensive")
async def test_a_limit_bounds_the_request_and_not_the_store() -> None:
    session, scripted = SQLiteSession("long"), model("All of it.", "A part.")
    await session.add_items([user_item(f"Message {n}") for n in range(500)])
    config = RunConfig(session_settings=SessionSettings(limit=20))
    agent = Agent(name="Assistant", model=scripted)
    await Runner.run(agent, "Next", session=session)
    await Runner.run(agent, "Next", session=session, run_config=config)
    assert [len(call.input) for call in scripted.calls] == [501, 21]
    assert len(await session.get_items()) == 504


@symptom("A failed question is stored twice after the retry")
@pytest.mark.parametrize(
    ("remedy", "left"),
    [
        ("ask again", ["user", "user", "assistant"]),
        ("undo it first", ["user", "assistant"]),
        ("answer what is stored", ["user", "assistant"]),
    ],
)
async def test_a_failed_question_is_stored(remedy: str, left: list[str]) -> None:
    session = SQLiteSession("failed")
    agent = Agent(name="Assistant", model=model(RuntimeError("no network"), "Ann."))
    with pytest.raises(RuntimeError):
        await Runner.run(agent, "What is my name?", session=session)
    assert await roles(session) == ["user"]
    if remedy == "undo it first":
        await load_lesson("7_2_memory_operations").undo_turn(session)
    question: Any = [] if remedy == "answer what is stored" else "What is my name?"
    assert (await Runner.run(agent, question, session=session)).final_output == "Ann."
    assert await roles(session) == left


@symptom("`database is locked`")
async def test_a_writer_that_holds_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, timeout=0.1))
    with (
        closing(SQLiteSession("a", tmp_path / "a.db")) as session,
        closing(sqlite3.connect(tmp_path / "a.db")) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            await session.add_items([user_item("Hello")])
        other.commit()
        await session.add_items([user_item("Hello")])


AS_A_STRANGER = """
import asyncio, os, sqlite3, sys, tempfile
from pathlib import Path
from agents import SQLiteSession
def try_it(file):
    try:
        session = SQLiteSession("a", file)
        asyncio.run(session.get_items())
        print("read", end=", ")
        asyncio.run(session.add_items([{"role": "user", "content": "Hello"}]))
        session.close()
        print("added")
    except sqlite3.OperationalError as error:
        print(error)
files = []
for case in sys.argv[2:]:
    file_mode, folder_mode = case.split()
    files.append(Path(tempfile.mkdtemp(dir=sys.argv[1])) / "a.db")
    if file_mode != "new":
        SQLiteSession("a", files[-1]).close()
        files[-1].chmod(int(file_mode, 8))
    files[-1].parent.chmod(int(folder_mode, 8))
if os.geteuid() == 0:
    asyncio.run(asyncio.to_thread(print, end=""))  # imports what the other user may not
    os.setuid(65534)  # what root may write is not the file's mode alone
for file in files:
    try_it(file)
if os.geteuid() != 65534:
    for file in files:
        file.parent.chmod(0o700)  # so that it can be removed
"""


READONLY, UNABLE = "attempt to write a readonly database", "unable to open database file"


@symptom(f"`{READONLY}`")
@symptom(f"`{UNABLE}`")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_a_file_or_a_folder_that_may_not_be_written_or_used() -> None:
    """What happens to a file with the first mode, in a folder with the second."""
    happens = {"444 777": f"read, {READONLY}", "666 555": READONLY, "666 777": "read, added"}
    happens |= {"new 555": UNABLE, "222 777": UNABLE, "666 666": UNABLE, "new 777": "read, added"}
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to other users
        Path(folder).chmod(0o755)
        command = [sys.executable, "-c", AS_A_STRANGER, folder, *happens]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.splitlines() == [*happens.values()], done.stderr


@symptom(f"`{UNABLE}`")
def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    file = tmp_path / "data" / "a.db"
    with pytest.raises(sqlite3.OperationalError, match=UNABLE):
        SQLiteSession("a", file)
    file.parent.mkdir()
    SQLiteSession("a", file).close()


@symptom("A copy of the file lacks the newest items")
async def test_a_copy_of_a_file_in_use(tmp_path: Path) -> None:
    file = tmp_path / "used.db"
    with closing(SQLiteSession("a", file)) as session:
        await session.add_items([user_item("One"), user_item("Two")])
        shutil.copy(file, tmp_path / "copied.db")
        with (
            closing(sqlite3.connect(file)) as database,
            closing(sqlite3.connect(tmp_path / "backup.db")) as backup,
        ):
            database.backup(backup)
        for name, found in (("copied.db", []), ("backup.db", [user_item("One"), user_item("Two")])):
            with closing(SQLiteSession("a", tmp_path / name)) as copy:
                assert await copy.get_items() == found, name


@symptom("`file is not a database`")
def test_a_file_of_something_else(tmp_path: Path) -> None:
    file = tmp_path / "notes.db"
    file.write_text("These are notes, and no SQLite database. " * 20)
    with pytest.raises(sqlite3.DatabaseError, match="file is not a database"):
        SQLiteSession("a", file)


@symptom("`SQLiteSession is closed`")
async def test_a_session_after_close(tmp_path: Path) -> None:
    session = SQLiteSession("a", tmp_path / "a.db")
    session.close()
    with pytest.raises(RuntimeError, match="SQLiteSession is closed"):
        await session.get_items()


@symptom("`Session persistence cannot be combined with conversation_id, …`")
async def test_a_session_beside_server_managed_memory() -> None:
    session = SQLiteSession("a")
    agent = Agent(name="Assistant", model=model("Hello."))
    with pytest.raises(UserError, match="Session persistence cannot be combined with conversa"):
        await Runner.run(agent, "Hi", session=session, conversation_id="x")
    assert await session.get_items() == []


@symptom("`AgentRunner.run_sync() cannot be called when an event loop is already running.`")
async def test_run_sync_inside_a_coroutine() -> None:
    message = r"^AgentRunner\.run_sync\(\) cannot be called when an event loop is already running"
    with pytest.raises(RuntimeError, match=message):
        Runner.run_sync(Agent(name="Assistant", model=model("Hello.")), "Hi")


def causes(error: BaseException | None) -> str:
    """What an error and those behind it say. Which of them names the loop depends on versions."""
    return "" if error is None else f"{error}\n{causes(error.__cause__ or error.__context__)}"


@symptom("`Event loop is closed`")
def test_one_client_on_two_loops() -> None:
    def ask(agent: Agent) -> str:
        return str(Runner.run_sync(agent, "Hi").final_output)

    async def both(agent: Agent) -> list[str]:
        return [(await Runner.run(agent, "Hi")).final_output for _ in range(2)]

    with LoopbackServer() as server, ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as two:
        clients = [AsyncOpenAI(api_key="none", base_url=server.url, max_retries=0) for _ in "ab"]
        agents = [Agent("Assistant", model=OpenAIChatCompletionsModel("m", c)) for c in clients]
        answer = "I was sent 1 items."
        assert asyncio.run(Runner.run(agents[0], "Hi")).final_output == answer
        with pytest.raises((RuntimeError, APIConnectionError)) as caught:
            asyncio.run(Runner.run(agents[0], "Hi"))
        assert "Event loop is closed" in causes(caught.value)
        assert asyncio.run(both(agents[0])) == [answer, answer]

        for _ in range(2):
            assert one.submit(ask, agents[1]).result() == answer
        with pytest.raises((RuntimeError, APIConnectionError)) as caught:
            two.submit(ask, agents[1]).result()
        assert "is bound to a different event loop" in causes(caught.value)
