"""One conversation over every engine, and what the README of lesson 7.3 says of each."""

from __future__ import annotations

import importlib
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import readme_checks
from agents import OpenAIConversationsSession, SessionSettings, SQLiteSession
from hosted_openai import HostedOpenAI
from openai import AsyncOpenAI
from readme_checks import ROOT

pytestmark = pytest.mark.engines
README = ROOT / "7_3_multi_sessions" / "README.md"
NAMES = ["SQLite", "asynchronous SQLite", "advanced SQLite", "encrypted", "PostgreSQL", "Redis"]
ONE, TWO = [{"role": "user", "content": text} for text in ("One", "Two")]


@pytest.mark.parametrize("program", ["same_talk.py", "move.py"])
def test_a_program_prints_what_the_readme_shows(
    program: str, tmp_path: Path, settings: dict[str, str]
) -> None:
    for _ in range(2):  # You may run it again.
        problems = readme_checks.check_program(README, program, tmp_path, settings)
        assert not problems, "\n".join(problems)


@pytest.fixture
async def programs(
    tmp_path: Path, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[[str], Any]]:
    """Imports a program of the README, which stands in the current folder."""
    readme_checks.save_programs(README, tmp_path)
    monkeypatch.chdir(tmp_path)
    for folder in (README.parent, tmp_path):
        monkeypatch.syspath_prepend(folder)
    for name in ("DATABASE_URL", "REDIS_URL", "SESSION_KEY"):
        monkeypatch.setenv(name, settings[name])
    yield importlib.import_module
    engines = sys.modules.pop("engines")
    for name in ("agent", "move", "same_talk"):
        sys.modules.pop(name, None)
    await engines.postgres.dispose()
    await engines.redis.aclose()


@pytest.fixture
def engines(programs: Callable[[str], Any]) -> Any:
    return programs("engines")


@pytest.mark.parametrize("name", NAMES)
async def test_every_engine_keeps_the_promises_of_a_session(name: str, engines: Any) -> None:
    [source] = [each.text for each in readme_checks.blocks(README) if "def check(" in each.text]
    space: dict[str, Any] = {}
    exec(source, space)
    opened: list[Any] = []

    def new_session(session_id: str) -> Any:
        opened.append(engines.ENGINES[name](f"check:{session_id}"))
        return opened[-1]

    await space["check"](new_session)
    for session in opened:
        await close(session)


def test_no_engine_is_left_out(engines: Any) -> None:
    assert list(engines.ENGINES) == NAMES


async def close(session: Any) -> None:
    """As the table of the README says. The engine and client of servers are closed at the end."""
    if type(session).__name__ in ("AsyncSQLiteSession", "RedisSession"):
        await session.close()
    elif type(session).__name__ != "SQLAlchemySession":
        session.close()


async def test_the_conversation_is_the_same_where_openai_keeps_it(
    programs: Callable[[str], Any], engines: Any
) -> None:
    talk = programs("same_talk").talk
    with HostedOpenAI() as openai:
        client = AsyncOpenAI(base_url=openai.url, api_key="not-a-key")
        there = await talk(lambda _: OpenAIConversationsSession(openai_client=client))
        await client.close()
    here = await talk(engines.ENGINES["SQLite"])
    for ours, theirs in zip(here, there, strict=True):
        # Only who speaks differs: OpenAI makes the ID of a conversation.
        assert ours.partition(": ")[2] == theirs.partition(": ")[2]
    assert [len(items) for items in openai.conversations.values()] == [8, 2]


async def test_encrypted_rows_cannot_be_read_and_stay_when_they_expire(engines: Any) -> None:
    session, plain = engines.ENGINES["encrypted"]("e"), SQLiteSession("e", "encrypted.db")
    await session.add_items([ONE])
    assert await session.get_items() == [ONE]
    [row] = await plain.get_items()
    assert "One" not in str(row)
    session.ttl = -1
    assert await session.get_items() == []
    assert await plain.get_items() == [row]
    await close(session)
    plain.close()


async def test_redis_lets_a_session_expire_as_a_whole_after_its_last_item(engines: Any) -> None:
    session = engines.ENGINES["Redis"]("expires")
    for item in (ONE, TWO):
        await session.add_items([item])
        keys = [key async for key in engines.redis.scan_iter("*:expires*")]
        assert len(keys) == 2
        for key in keys:
            assert 86_390 < await engines.redis.ttl(key) <= 86_400
            await engines.redis.expire(key, 600)
    for key in keys:
        await engines.redis.pexpireat(key, 1)
    assert await session.get_items() == []


async def test_each_session_made_from_an_address_has_connections_of_its_own(
    engines: Any, settings: dict[str, str]
) -> None:
    from agents.extensions.memory import RedisSession, SQLAlchemySession

    rows = [SQLAlchemySession.from_url(name, url=settings["DATABASE_URL"]) for name in "ab"]
    assert rows[0].engine is not rows[1].engine
    clients = [RedisSession.from_url(name, url=settings["REDIS_URL"]) for name in "ab"]
    for session in clients:
        before = len(await engines.redis.client_list())
        await session.add_items([ONE])
        assert len(await engines.redis.client_list()) == before + 1
        await session.close()
    for name in "ab":
        before = len(await engines.redis.client_list())
        await engines.ENGINES["Redis"](name).add_items([ONE])
        assert len(await engines.redis.client_list()) == before


ODD: list[Any] = [
    {"role": "user", "content": "zero \x00, half an emoji \ud83d, \u2028 and 三"},
    {"type": "function_call", "call_id": "c", "name": "n", "arguments": '{"a": 1e400}'},
    {"type": "function_call_output", "call_id": "c", "output": "x" * 100_000},
    {"role": "assistant", "content": [], "big": 2**70, "nothing": None, "": {"": [1.5, True]}},
]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("SQLite", "encrypted")])
async def test_a_moved_conversation_is_the_same_whatever_its_items_are(
    name: str, programs: Callable[[str], Any], engines: Any
) -> None:
    old = SQLiteSession("odd", "odd.db", session_settings=SessionSettings(limit=1))
    new = engines.ENGINES[name]("odd")
    await old.add_items(ODD)
    assert await programs("move").move(old, new) == 4
    assert await new.get_items() == ODD
    with pytest.raises(ValueError, match="has items"):
        await programs("move").move(old, new)
    old.close()
    await close(new)


class Lossy(SQLiteSession):
    """A database that changes every item."""

    async def add_items(self, items: list[Any]) -> None:
        await super().add_items([{**item, "content": "One"} for item in items])


class Forgetful(SQLiteSession):
    """A database that loses the last of the items."""

    async def add_items(self, items: list[Any]) -> None:
        await super().add_items(items[:-1])


@pytest.mark.parametrize(("broken", "told"), [(Lossy, "item 2 differs"), (Forgetful, "zip")])
async def test_what_moving_changed_is_told(
    broken: type[SQLiteSession], told: str, programs: Callable[[str], Any], engines: Any
) -> None:
    old = SQLiteSession("old")
    await old.add_items([ONE, TWO])
    with pytest.raises(ValueError, match=told):
        await programs("move").move(old, broken("new"))
