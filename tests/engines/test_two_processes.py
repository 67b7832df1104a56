"""Two processes answer one conversation on PostgreSQL, without the README's lock and with it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import readme_checks
from readme_checks import ROOT

pytestmark = pytest.mark.engines
README = ROOT / "7_3_multi_sessions" / "README.md"
ALICE, QUESTION = "My name is Alice.", "What is my name?"
WITHOUT = "alone.alone_in = contextlib.nullcontext\n"
BUSY_AT_ONCE = "alone.text = lambda sql: sqlalchemy.text(sql.replace('60s', '1ms'))\n"

SERVER = """
import asyncio, contextlib, json, sys
import sqlalchemy
from agents.testing import ModelStep, ScriptedModel, assistant_message
import alone

def reply(call):
    print(json.dumps([item["content"] for item in call.input]), flush=True)
    sys.stdin.readline()
    return [assistant_message("Fine.")]

alone.agent.model = ScriptedModel([ModelStep.respond(reply)])
"""
ANSWER = "asyncio.run(alone.answer(*sys.argv[1:]))\n"


class Server:
    """A process that answers one message. Its model waits until it is told to go on."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def sent(self) -> list[Any]:
        """What the model is sent; waits for it."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        found: list[Any] = json.loads(line)
        return found

    def go_on(self) -> None:
        """Let the model reply, and wait for the end of the process."""
        _, error = self.process.communicate("\n", timeout=60)
        assert self.process.returncode == 0, error


Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path, settings: dict[str, str]) -> Iterator[Start]:
    """`start(session_id, message, change="")`: a server that was changed by a line of Python."""
    readme_checks.save_programs(README, tmp_path)
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with ExitStack() as ended:

        def new(session_id: str, message: str, change: str = "") -> Server:
            command = [sys.executable, "-c", SERVER + change + ANSWER, session_id, message]
            process = subprocess.Popen(command, cwd=tmp_path, env=settings, text=True, **pipes)
            ended.enter_context(process)
            ended.callback(process.kill)
            return Server(process)

        yield new


async def rows(url: str, sql: str, *values: object) -> list[Any]:
    import asyncpg

    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return [row[0] for row in await connection.fetch(sql, *values)]
    finally:
        await connection.close()


async def roles(url: str, session_id: str) -> list[str]:
    sql = "SELECT message_data FROM agent_messages WHERE session_id = $1 ORDER BY id"
    return [json.loads(data)["role"] for data in await rows(url, sql, session_id)]


async def until_one_waits(url: str) -> None:
    deadline = time.monotonic() + 60
    waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    while not await rows(url, waiting):
        assert time.monotonic() < deadline, "nobody waits for the lock"


async def test_without_a_lock_two_turns_are_mixed(start: Start, database_url: str) -> None:
    first = start("mixed", ALICE, WITHOUT)
    assert first.sent() == [ALICE]
    second = start("mixed", QUESTION, WITHOUT)
    assert second.sent() == [ALICE, QUESTION], "a message without its reply"
    first.go_on()
    second.go_on()
    assert await roles(database_url, "mixed") == ["user", "user", "assistant", "assistant"]


async def test_with_the_lock_the_second_is_sent_the_first_turn(
    start: Start, database_url: str
) -> None:
    first = start("apart", ALICE)
    assert first.sent() == [ALICE]
    second = start("apart", QUESTION)
    await until_one_waits(database_url)
    other = start("another", QUESTION)
    assert other.sent() == [QUESTION], "another conversation need not wait"
    other.go_on()
    first.go_on()
    assert [str(each)[:20] for each in second.sent()][0::2] == [ALICE, QUESTION]
    second.go_on()
    assert await roles(database_url, "apart") == ["user", "assistant", "user", "assistant"]


async def test_the_lock_of_a_killed_process_is_free_and_its_message_stays(
    start: Start, database_url: str
) -> None:
    first = start("killed", ALICE)
    assert first.sent() == [ALICE]
    second = start("killed", QUESTION)
    await until_one_waits(database_url)
    first.process.kill()
    assert second.sent() == [ALICE, QUESTION]
    second.go_on()
    assert await roles(database_url, "killed") == ["user", "user", "assistant"]


async def test_whoever_waits_too_long_gets_an_error_and_stores_nothing(
    start: Start, database_url: str
) -> None:
    first = start("busy", ALICE)
    first.sent()
    second = start("busy", QUESTION, BUSY_AT_ONCE)
    _, error = second.process.communicate(timeout=60)
    assert "canceling statement due to lock timeout" in error
    first.go_on()
    assert await roles(database_url, "busy") == ["user", "assistant"]


async def test_many_messages_at_once_are_answered_one_after_the_other(
    tmp_path: Path, settings: dict[str, str], database_url: str
) -> None:
    program = """
import asyncio
from alone import answer

async def main():
    await asyncio.gather(*[answer("many", f"My number is {n}.") for n in range(20)])

asyncio.run(main())
"""
    readme_checks.save_programs(README, tmp_path)
    done = readme_checks.run_python(["-c", program], tmp_path, env=settings)
    assert done.returncode == 0, done.stderr
    assert await roles(database_url, "many") == ["user", "assistant"] * 20
