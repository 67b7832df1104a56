"""What the READMEs claim about the SDK's sessions, beyond what their own blocks show.

One test for each claim; its docstring is the claim. They hold on both ends of the SDK's range.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import version
from itertools import takewhile
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    RunConfig,
    Runner,
    SessionSettings,
    SQLiteSession,
    function_tool,
)
from agents.extensions import ToolOutputTrimmer
from agents.extensions.memory import AdvancedSQLiteSession, EncryptedSession, SQLAlchemySession
from agents.memory import Session
from agents.run import CallModelData, ModelInputData
from agents.testing import ScriptedModel, assistant_message, function_call
from agents.tracing import TracingProcessor
from agents.tracing.provider import DefaultTraceProvider
from cryptography.fernet import Fernet, InvalidToken
from loopback_server import LoopbackServer
from openai import AsyncOpenAI
from policy_tools import ListSession, call, filled, output
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.exc import CompileError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.schema import CreateTable

from session_lab.history.items import user_item

OLDEST = version("openai-agents").startswith("0.22.")
DOWN = RuntimeError("no network")
REPLY = [assistant_message("Yes.")]
CALL, OUTPUT = call("1"), output("1")
REASONING: Any = {"type": "reasoning", "id": "rs_1", "summary": []}
MESSAGE: Any = {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed"} | {
    "content": [{"type": "output_text", "text": "Ann.", "annotations": []}]
}


def kinds(items: Any) -> list[str]:
    return [str(item.get("role") or item["type"]) for item in items]


def texts(items: Any) -> list[str]:
    return [str(item["content"]) for item in items if item.get("role") == "user"]


async def sent(session: SQLiteSession | None, message: Any = "Next", **config: Any) -> list[Any]:
    """The input of the one model call of a run."""
    model = ScriptedModel([REPLY])
    agent = Agent(name="Assistant", model=model)
    await Runner.run(agent, message, session=session, run_config=RunConfig(**config))
    [call] = model.calls
    assert isinstance(call.input, list)
    return call.input


# --- Session classes -----------------------------------------------------------------------------


async def test_advanced_session_on_a_plain_file(tmp_path: Path) -> None:
    """On a plain session's file it sees nothing; the first item it pops takes all others along."""
    file = tmp_path / "plain.db"
    with closing(SQLiteSession("a", file)) as plain:
        await plain.add_items([user_item("One"), user_item("Two")])
    with closing(
        AdvancedSQLiteSession(session_id="a", db_path=file, create_tables=True)
    ) as advanced:
        assert await advanced.get_items() == []
        assert await advanced.pop_item() is None
        await advanced.add_items([user_item("Three")])
        with closing(SQLiteSession("a", file)) as plain:
            assert texts(await plain.get_items()) == ["One", "Two", "Three"]
            assert await advanced.pop_item() == user_item("Three")
            assert await plain.get_items() == []
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT count(*) FROM agent_messages").fetchone() == (0,)


async def test_advanced_session_constructor_and_usage(tmp_path: Path) -> None:
    """It takes keywords only, needs `create_tables=True`, and counts no usage by itself."""
    file = tmp_path / "advanced.db"
    with pytest.raises(TypeError, match="positional"):
        AdvancedSQLiteSession("a", file)  # type: ignore[misc]
    with pytest.raises(ValueError, match="create_tables=True"):
        AdvancedSQLiteSession(session_id="a", db_path=file)
    new = AdvancedSQLiteSession(session_id="a", db_path=file, create_tables=True)
    with closing(new) as session:
        agent = Agent(name="Assistant", model=ScriptedModel([REPLY]))
        result = await Runner.run(agent, "Hi", session=session)
        assert await session.get_session_usage() is None
        await session.store_run_usage(result)
        usage = await session.get_session_usage()
        assert usage is not None and usage["requests"] == 1


async def test_encrypted_session_always_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    """It encrypts and expires, after 600 s by default: expired items are skipped, rows stay."""
    stored = SQLiteSession("a")
    session = EncryptedSession("a", stored, Fernet.generate_key().decode())
    now = int(time.time())
    monkeypatch.setattr(time, "time", lambda: now)
    await session.add_items([user_item("My name is Alice.")])
    rows = await stored.get_items()
    assert len(rows) == 1
    assert "Alice" not in json.dumps(rows)
    monkeypatch.setattr(time, "time", lambda: now + 600)
    assert texts(await session.get_items()) == ["My name is Alice."]
    monkeypatch.setattr(time, "time", lambda: now + 601)
    assert await session.get_items() == []
    assert await stored.get_items() == rows


async def test_encrypted_session_with_a_wrong_key() -> None:
    """A wrong key reads as an empty list, and a pop with it costs the rows in SDK 0.22."""
    stored = SQLiteSession("a")
    right, wrong = (EncryptedSession("a", stored, Fernet.generate_key().decode()) for _ in range(2))
    await right.add_items([user_item("One"), user_item("Two")])
    assert await wrong.get_items() == []
    assert texts(await right.get_items()) == ["One", "Two"]
    if OLDEST:
        assert await wrong.pop_item() is None
        assert await stored.get_items() == []
    else:
        with pytest.raises(InvalidToken):
            await wrong.pop_item()
        assert texts(await right.get_items()) == ["One", "Two"]


def test_sqlalchemy_session_is_not_for_mysql() -> None:
    """MySQL gets no tables (VARCHAR without a length), and items in TEXT, which ends at 64 kB."""
    engine = create_async_engine("postgresql+asyncpg://localhost/none")  # connects to nothing yet
    session = SQLAlchemySession("a", engine=engine, create_tables=True)
    tables = session._metadata.sorted_tables
    assert len(tables) == 2
    for table in tables:
        for dialect in (postgresql.dialect(), sqlite.dialect()):
            assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))
        with pytest.raises(CompileError, match="VARCHAR requires a length"):
            CreateTable(table).compile(dialect=mysql.dialect())
    column_type = session._messages.columns["message_data"].type
    assert column_type.compile(dialect=mysql.dialect()) == "TEXT"


METHODS = ("__init__", "get_items", "add_items", "pop_item", "clear_session")
FourMethods = type("FourMethods", (), {name: vars(ListSession)[name] for name in METHODS})


async def test_what_makes_a_session() -> None:
    """A run needs four methods; `isinstance(x, Session)` needs the ID and the settings as well."""
    session: Any = FourMethods()
    assert len(await sent(session)) == 1
    assert len(await sent(session)) == 3
    assert not isinstance(session, Session)
    session.session_id = "a"
    assert not isinstance(session, Session)
    session.session_settings = None
    assert isinstance(session, Session)


# --- Reading and limits --------------------------------------------------------------------------


async def test_a_session_has_no_row_until_its_first_item(tmp_path: Path) -> None:
    """A session has no row until its first item, and `clear_session` deletes the row."""
    file = tmp_path / "a.db"
    with closing(SQLiteSession("a", file)) as session, closing(sqlite3.connect(file)) as database:
        for change, count in (
            (session.get_items(), 0),
            (session.add_items([user_item("One")]), 1),
            (session.clear_session(), 0),
        ):
            await change
            found = database.execute("SELECT count(*) FROM agent_sessions").fetchone()
            assert found == (count,)


async def test_get_items_and_the_limit_of_its_session(tmp_path: Path) -> None:
    """`get_items()` returns every item only while the session has no limit; rows count them all."""
    file = tmp_path / "a.db"
    limited = SQLiteSession("a", file, session_settings=SessionSettings(limit=2))
    with closing(limited), closing(SQLiteSession("a", file)) as unlimited:
        await limited.add_items([user_item(str(number)) for number in range(5)])
        assert texts(await limited.get_items()) == ["3", "4"]
        assert len(await limited.get_items(limit=5)) == 5
        assert len(await unlimited.get_items()) == 5
        with closing(sqlite3.connect(file)) as database:
            assert database.execute("SELECT count(*) FROM agent_messages").fetchone() == (5,)


@pytest.mark.parametrize(("limit", "repeated"), [(None, (13, 15)), (4, (0, 5))])
async def test_a_sliding_limit_and_a_prompt_cache(
    limit: int | None, repeated: tuple[int, int]
) -> None:
    """At the eighth turn 13 of 15 items repeat the last request's start; with limit=4, 0 of 5."""
    model = ScriptedModel([[assistant_message(f"Yes, {n}.")] for n in range(8)])
    session = SQLiteSession("a", session_settings=SessionSettings(limit=limit))
    for number in range(8):
        await Runner.run(Agent(name="Assistant", model=model), f"Fact {number}.", session=session)
    before, now = (list(call.input) for call in model.calls[-2:])
    same = takewhile(lambda pair: pair[0] == pair[1], zip(before, now, strict=False))
    assert (len(list(same)), len(now)) == repeated


@pytest.mark.parametrize(
    ("characters", "messages", "is_whole"), [(501, 1, True), (501, 2, False), (500, 2, True)]
)
async def test_what_the_trimmer_trims(characters: int, messages: int, is_whole: bool) -> None:
    """An output of more than 500 characters, from the second message after it on, to 200."""
    long = output("1", "x" * characters)
    session = await filled([user_item("Look"), CALL, long, MESSAGE])
    for _ in range(messages):
        request = await sent(session, call_model_input_filter=ToolOutputTrimmer())
    assert (request[2] == long) is is_whole
    assert is_whole or request[2]["output"].endswith(f"\n{'x' * 200}...")
    assert (await session.get_items())[2] == long


# --- What is sent of half a pair -----------------------------------------------------------------


def join(history: list[Any], new: list[Any]) -> list[Any]:
    return history + new


def changed_copies(history: list[Any], new: list[Any]) -> list[Any]:
    return [item | {"name": "other"} if item is not history[0] else item for item in history] + new


def without_outputs(data: CallModelData[Any]) -> ModelInputData:
    kept = [item for item in data.model_data.input if item.get("type") != OUTPUT["type"]]
    return ModelInputData(input=kept, instructions=data.model_data.instructions)


WHO = user_item("Who?")
WITH_CALL, WITH_OUTPUT = ["user", "function_call", "user"], ["user", "function_call_output", "user"]
LIMIT = {"session_settings": SessionSettings(limit=9)}
JOIN: dict[str, Any] = {"session_input_callback": join}


@pytest.mark.parametrize(
    ("stored", "config", "expected"),
    [
        # An output without its call is sent, unless a limit is set and no callback.
        ([WHO, OUTPUT], {}, WITH_OUTPUT),
        ([WHO, OUTPUT], LIMIT, ["user", "user"]),
        ([WHO, OUTPUT], JOIN, WITH_OUTPUT),
        ([WHO, OUTPUT], JOIN | LIMIT, WITH_OUTPUT),
        # The merge drops a call without output; after a filter or as a copy it is sent.
        ([WHO, CALL], {}, ["user", "user"]),
        ([WHO, CALL], JOIN, ["user", "user"]),
        ([WHO, CALL], {"session_input_callback": changed_copies}, WITH_CALL),
        ([WHO, CALL, OUTPUT], {"call_model_input_filter": without_outputs}, WITH_CALL),
        # A limit can part a reasoning item from the item it led to.
        ([WHO, REASONING, MESSAGE], {"session_settings": SessionSettings(limit=1)},
         ["assistant", "user"]),
        ([WHO, REASONING, MESSAGE], {"session_settings": SessionSettings(limit=2)},
         ["reasoning", "assistant", "user"]),
    ],
)  # fmt: skip
async def test_what_is_sent_of_half_a_pair(
    stored: list[Any], config: dict[str, Any], expected: list[str]
) -> None:
    assert kinds(await sent(await filled(stored), **config)) == expected


async def test_half_a_tool_call_in_a_list_by_hand_is_sent() -> None:
    assert kinds(await sent(None, [WHO, CALL, user_item("Next")])) == WITH_CALL


async def test_omit_takes_the_ids_from_reasoning_alone() -> None:
    """`reasoning_item_id_policy="omit"` leaves a call its ID, which OpenAI then refuses."""
    made = {**CALL, "id": "fc_1"}
    session = await filled([user_item("Hi"), REASONING, made, OUTPUT, MESSAGE])
    request = await sent(session, reasoning_item_id_policy="omit")
    assert [item.get("id") for item in request] == [None, None, "fc_1", None, "msg_1", None]


@pytest.mark.parametrize(
    ("callback", "requested", "stored"),
    [
        (lambda old, new: [*old, user_item("Changed")], "Old Changed", "Old Changed"),
        (lambda old, new: old, "Old", "Old"),
        (lambda old, new: old + new + new, "Old New New", "Old New New"),
        (lambda old, new: [user_item("Summary"), *new], "Summary New", "Old Summary New"),
    ],
    ids=["changed", "dropped", "doubled", "another"],
)
async def test_a_callback_decides_about_the_new_items(
    callback: Callable[..., Any], requested: str, stored: str
) -> None:
    """A changed new item is stored changed, a dropped one not at all, a doubled one twice.

    What is beside the items of its two lists counts as new and is stored.
    """
    session = await filled([user_item("Old")])
    request = await sent(session, "New", session_input_callback=callback)
    assert texts(request) == requested.split()
    assert texts(await session.get_items()) == stored.split()


# --- Turns, and runs that failed -----------------------------------------------------------------

LOOKED_UP: list[str] = []


@function_tool
def look_up() -> str:
    """Look the name up."""
    LOOKED_UP.append("look_up")
    return "Ann"


async def test_a_turn_can_begin_with_several_user_messages() -> None:
    """A run that is given several user messages stores each."""
    session = SQLiteSession("a")
    assert texts(await sent(session, [user_item("One"), user_item("Two")])) == ["One", "Two"]
    assert kinds(await session.get_items()) == ["user", "user", "assistant"]


async def test_a_retry_with_no_input_can_run_tools_again() -> None:
    """`Runner.run(agent, [], ...)` stores no question twice, but a tool may run twice."""
    steps = [[function_call("look_up", {}, call_id="1")], DOWN]
    model, session = ScriptedModel([*steps, *steps[:1], REPLY]), SQLiteSession("a")
    agent = Agent(name="Assistant", model=model, tools=[look_up])
    LOOKED_UP.clear()
    with pytest.raises(RuntimeError):
        await Runner.run(agent, "Who?", session=session)
    await Runner.run(agent, [], session=session)
    assert texts(await session.get_items()) == ["Who?"]
    assert LOOKED_UP == ["look_up", "look_up"]


async def test_a_retry_of_an_answered_question_adds_a_second_reply() -> None:
    """With no input on an answered session, a second reply is stored."""
    session = await filled([user_item("Who?"), MESSAGE])
    assert kinds(await sent(session, [])) == ["user", "assistant"]
    assert kinds(await session.get_items()) == ["user", "assistant", "assistant"]


# --- What leaves the machine ---------------------------------------------------------------------


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """It is given what would be uploaded."""
    provider, exporter = DefaultTraceProvider(), Mock(spec=TracingProcessor)
    provider.set_processors([exporter])
    provider.set_disabled(False)
    monkeypatch.setattr("agents.tracing.setup.GLOBAL_TRACE_PROVIDER", provider)
    return exporter


@pytest.mark.parametrize("store", [None, False])
async def test_openai_is_asked_to_keep_a_request_or_not(store: bool | None) -> None:
    """The Responses API keeps requests unless `store` is false; unset is left to its default."""
    with LoopbackServer() as server:
        async with AsyncOpenAI(api_key="none", base_url=server.url) as client:
            model = OpenAIResponsesModel("m", client)
            settings = ModelSettings(store=store)
            await Runner.run(Agent(name="A", model=model, model_settings=settings), "Hello")
    assert server.requests[0].body.get("store") is store


@pytest.mark.parametrize(
    ("config", "has_spans", "has_message"),
    [
        (RunConfig(), True, True),
        (RunConfig(trace_include_sensitive_data=False), True, False),
        (RunConfig(tracing_disabled=True), False, False),
    ],
)
def test_traces_hold_the_message(
    config: RunConfig, has_spans: bool, has_message: bool, exporter: Mock
) -> None:
    """They do by default, unless sensitive data are kept out, or the run is."""

    async def ask(url: str) -> None:
        async with AsyncOpenAI(api_key="none", base_url=url) as client:
            agent = Agent("Assistant", model=OpenAIChatCompletionsModel("m", client))
            await Runner.run(agent, "My card is 4111 1111 1111 1111.", run_config=config)

    with LoopbackServer() as server:
        asyncio.run(ask(server.url))
        assert "4111 1111" in json.dumps(server.requests[0].body)
    spans = [json.dumps(ended.args[0].export()) for ended in exporter.on_span_end.call_args_list]
    assert bool(spans) is has_spans
    assert any("4111 1111" in span for span in spans) is has_message
