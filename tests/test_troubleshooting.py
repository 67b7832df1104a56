"""Each line of the README's troubleshooting table, made to happen, and its remedy tried."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
    function_tool,
)
from agents.testing import ScriptedModel, assistant_message, function_call
from lesson_loader import load_lesson
from openai import APIConnectionError, AsyncOpenAI

ROOT = Path(__file__).resolve().parent.parent
TRIED: set[str] = set()


def symptom(words: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Marks the test that makes the table's line with these words happen."""
    TRIED.add(words)
    return lambda test: test


def model(*replies: str | Exception) -> ScriptedModel:
    steps = [[assistant_message(r)] if isinstance(r, str) else r for r in replies]
    return ScriptedModel(steps)


async def roles(session: SQLiteSession) -> list[str]:
    return [str(item.get("role")) for item in await session.get_items()]


@function_tool
def look_up() -> str:
    """Look the name up."""
    return "Ann"


def user(text: str) -> Any:
    return {"role": "user", "content": text}


def test_every_line_of_the_table_is_tried() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.split("## Troubleshooting")[1].split("\n## ")[0]
    lines = re.findall(r"^\| (.+?) \|", section, re.MULTILINE)[2:]
    assert sorted(lines) == sorted(TRIED)


@symptom("The agent forgets after a restart")
async def test_memory_without_a_file_ends_with_its_session(tmp_path: Path) -> None:
    for place, kept in ((":memory:", []), (tmp_path / "kept.db", [user("Hello")])):
        first = SQLiteSession("user_123", place)
        await first.add_items([user("Hello")])
        first.close()
        second = SQLiteSession("user_123", place)
        assert await second.get_items() == kept
        second.close()


@symptom("One user sees what another said")
async def test_one_id_is_one_conversation(tmp_path: Path) -> None:
    with (
        closing(SQLiteSession("chat", tmp_path / "c.db")) as ann,
        closing(SQLiteSession("chat", tmp_path / "c.db")) as ben,
        closing(SQLiteSession("user_ben", tmp_path / "c.db")) as own,
    ):
        await ann.add_items([user("I am Ann")])
        assert await ben.get_items() == [user("I am Ann")]
        assert await own.get_items() == []


@symptom("A long conversation gets slow or expensive")
async def test_a_limit_bounds_the_request_and_not_the_store() -> None:
    session, scripted = SQLiteSession("long"), model("All of it.", "A part.")
    await session.add_items([user(f"Message {n}") for n in range(500)])
    config = RunConfig(session_settings=SessionSettings(limit=20))
    agent = Agent(name="Assistant", model=scripted)
    await Runner.run(agent, "Next", session=session)
    await Runner.run(agent, "Next", session=session, run_config=config)
    assert [len(call.input) for call in scripted.calls] == [501, 21]
    assert len(await session.get_items()) == 504


@symptom("A failed question is stored twice after the retry")
@pytest.mark.parametrize("calls_a_tool", [False, True], ids=["at once", "after a tool call"])
async def test_a_failed_question_stays_until_its_turn_is_undone_or_answered(
    calls_a_tool: bool,
) -> None:
    question, call = "What is my name?", [function_call("look_up", {}, call_id="1")]
    left = ["user", "None", "None"] if calls_a_tool else ["user"]

    async def fail(session: SQLiteSession) -> tuple[Agent, ScriptedModel]:
        steps = [*([call] if calls_a_tool else []), RuntimeError("no network")]
        scripted = ScriptedModel([*steps, [assistant_message("Ann.")]])
        agent = Agent(name="Assistant", model=scripted, tools=[look_up])
        with pytest.raises(RuntimeError):
            await Runner.run(agent, question, session=session)
        assert await roles(session) == left
        return agent, scripted

    session = SQLiteSession("asked again")
    agent, _ = await fail(session)
    await Runner.run(agent, question, session=session)
    assert await roles(session) == [*left, "user", "assistant"]

    session = SQLiteSession("undone")
    agent, scripted = await fail(session)
    assert len(await load_lesson("7_2_memory_operations").undo_turn(session)) == len(left)
    await Runner.run(agent, question, session=session)
    assert scripted.calls[-1].input == [user(question)]
    assert await roles(session) == ["user", "assistant"]

    session = SQLiteSession("answered")
    agent, scripted = await fail(session)
    result = await Runner.run(agent, [], session=session)
    assert scripted.calls[-1].input == (await session.get_items())[:-1]
    assert scripted.calls[-1].input[0] == user(question)
    assert result.final_output == "Ann."
    assert await roles(session) == [*left, "assistant"]


class SlowModel(ScriptedModel):
    async def get_response(self, *args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0.05)
        return await super().get_response(*args, **kwargs)


@symptom("Questions and answers are out of order")
async def test_two_runs_at_once_interleave_without_a_lock() -> None:
    steps = [[assistant_message("One.")], [assistant_message("Two.")]]
    lock = asyncio.Lock()

    async def locked(agent: Agent, text: str, session: SQLiteSession) -> None:
        async with lock:
            await Runner.run(agent, text, session=session)

    session, agent = SQLiteSession("both"), Agent(name="Assistant", model=SlowModel(steps))
    await asyncio.gather(*(Runner.run(agent, text, session=session) for text in "AB"))
    assert await roles(session) == ["user", "user", "assistant", "assistant"]

    session, agent = SQLiteSession("in turn"), Agent(name="Assistant", model=SlowModel(steps))
    await asyncio.gather(*(locked(agent, text, session) for text in "AB"))
    assert await roles(session) == ["user", "assistant", "user", "assistant"]


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
            await session.add_items([user("Hello")])
        other.commit()
        await session.add_items([user("Hello")])


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


def as_a_stranger(*modes: str) -> list[str]:
    """What happens to a file with this mode, in a folder with that one, for each of `modes`."""
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to other users
        Path(folder).chmod(0o755)
        command = [sys.executable, "-c", AS_A_STRANGER, folder, *modes]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@symptom("`attempt to write a readonly database`")
def test_a_file_or_a_folder_that_may_only_be_read() -> None:
    error = "attempt to write a readonly database"
    tried = as_a_stranger("444 777", "666 555", "666 777")
    assert tried == [f"read, {error}", error, "read, added"]


UNABLE = "`unable to open database file`"


@symptom(UNABLE)
def test_a_file_or_a_folder_that_may_not_be_used() -> None:
    error = "unable to open database file"
    tried = as_a_stranger("new 555", "222 777", "666 666", "new 777")
    assert tried == [error, error, error, "read, added"]


@symptom(UNABLE)
def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    file = tmp_path / "data" / "a.db"
    with pytest.raises(sqlite3.OperationalError, match="unable to open database file"):
        SQLiteSession("a", file)
    file.parent.mkdir()
    SQLiteSession("a", file).close()


@symptom("A copy of the file lacks the newest items")
async def test_a_copy_of_a_file_in_use(tmp_path: Path) -> None:
    file = tmp_path / "used.db"
    with closing(SQLiteSession("a", file)) as session:
        await session.add_items([user("One"), user("Two")])
        shutil.copy(file, tmp_path / "copied.db")
        with (
            closing(sqlite3.connect(file)) as database,
            closing(sqlite3.connect(tmp_path / "backup.db")) as backup,
        ):
            database.backup(backup)
        for name, found in (("copied.db", []), ("backup.db", [user("One"), user("Two")])):
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
    agent = Agent(name="Assistant", model=model("Hello."))
    with pytest.raises(UserError, match="Session persistence cannot be combined with conversa"):
        await Runner.run(agent, "Hi", session=SQLiteSession("a"), conversation_id="conv_1")


@symptom("`AgentRunner.run_sync() cannot be called when an event loop is already running.`")
async def test_run_sync_inside_a_coroutine() -> None:
    message = r"^AgentRunner\.run_sync\(\) cannot be called when an event loop is already running"
    with pytest.raises(RuntimeError, match=message):
        Runner.run_sync(Agent(name="Assistant", model=model("Hello.")), "Hi")


class ChatServer(BaseHTTPRequestHandler):
    """One Chat Completions reply for every request, on a connection that stays open."""

    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        with suppress(ConnectionResetError):  # the connection of the loop that was closed
            super().handle()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        message = {"role": "assistant", "content": "Hello."}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        reply = {"id": "1", "object": "chat.completion", "created": 1, "model": "m"}
        body = json.dumps({**reply, "choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def server_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), ChatServer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


def causes(error: BaseException | None) -> str:
    """What an error and those behind it say. Which of them names the loop depends on versions."""
    said = []
    while error is not None:
        said.append(str(error))
        error = error.__cause__ or error.__context__
    return "\n".join(said)


@symptom("`Event loop is closed`")
def test_one_client_on_two_loops(server_url: str) -> None:
    def new_agent() -> Agent:
        client = AsyncOpenAI(api_key="none", base_url=server_url, max_retries=0)
        return Agent(name="Assistant", model=OpenAIChatCompletionsModel("m", client))

    agent = new_agent()
    assert asyncio.run(Runner.run(agent, "Hi")).final_output == "Hello."
    with pytest.raises((RuntimeError, APIConnectionError)) as caught:
        asyncio.run(Runner.run(agent, "Hi"))
    assert "Event loop is closed" in causes(caught.value)

    async def both() -> list[str]:
        return [(await Runner.run(agent, "Hi")).final_output for _ in range(2)]

    assert asyncio.run(both()) == ["Hello.", "Hello."]

    agent = new_agent()
    with ThreadPoolExecutor(1) as thread, ThreadPoolExecutor(1) as second_thread:
        for _ in range(2):
            assert thread.submit(Runner.run_sync, agent, "Hi").result().final_output == "Hello."
        with pytest.raises((RuntimeError, APIConnectionError)) as caught:
            second_thread.submit(Runner.run_sync, agent, "Hi").result()
    assert "is bound to a different event loop" in causes(caught.value)
