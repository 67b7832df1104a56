"""The web handler of 7.3's README, run from the README's own text."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import httpx
import pytest
import readme_checks
import uvicorn
from agents import SQLiteSession
from agents.testing import ModelCall, ModelStep, ScriptedModel, assistant_message
from lesson_loader import load_lesson, recording_model, sent
from readme_checks import ROOT

LESSON = "7_3_multi_sessions"
PROGRAM = readme_checks.programs(ROOT / LESSON / "README.md")["web_app.py"]
ONE, TWO = (str(UUID(int=number)) for number in (1, 2))
NAME, QUESTION = "My name is Ann.", "What is my name?"


class Noted(SQLiteSession):
    """A session that notes when it is closed."""

    opened = 0
    closed = asyncio.Event()

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        Noted.opened += 1

    def close(self) -> None:
        super().close()
        Noted.opened -= 1
        Noted.closed.set()


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The program as a module, with a model that keeps what it was sent."""
    monkeypatch.chdir(tmp_path)
    lesson = load_lesson(LESSON)
    lesson.agent.model = recording_model()
    monkeypatch.setitem(sys.modules, "agent", lesson)
    module = ModuleType("web_app")
    exec(compile(PROGRAM, "web_app.py", "exec"), vars(module))
    monkeypatch.setattr(module, "SQLiteSession", Noted)
    Noted.opened, Noted.closed = 0, asyncio.Event()
    yield module
    assert Noted.opened == 0, "a session is left open"
    assert {file.name for file in tmp_path.iterdir()} <= {"web.db"}


async def post(web: Any, text: str, chat: str = ONE, token: str | None = "token-of-ann") -> Any:
    """The status, then what was answered."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(web.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        reply = await client.post(f"/chats/{chat}", json=text, headers=headers)
    return reply.status_code, reply.json() if reply.status_code == 200 else None


def stored() -> list[str]:
    with closing(sqlite3.connect("web.db")) as database:
        query = "SELECT session_id, json_extract(message_data, '$.role') FROM agent_messages"
        return [f"{session_id} {role}" for session_id, role in database.execute(query)]


async def test_a_user_goes_on_in_a_conversation_of_their_own(web: Any) -> None:
    assert await post(web, NAME) == (200, "Reply.")
    for chat, token in [(ONE, "token-of-ann"), (TWO, "token-of-ann"), (ONE, "token-of-bob")]:
        await post(web, QUESTION, chat, token)
    name, question = f"user: {NAME}", f"user: {QUESTION}"
    continued = [name, "assistant: Reply.", question]
    assert sent(web.agent.model) == [[name], continued, [question], [question]]


@pytest.mark.parametrize("token", ["", "token-of-eve", None])
async def test_who_is_not_logged_in_is_refused(web: Any, token: str | None) -> None:
    assert await post(web, NAME, token=token) == (401, None)
    assert web.agent.model.calls == () and not Noted.closed.is_set()


@pytest.mark.parametrize("chat", ["1", "b:1", f"b:{ONE}", f"..%2F{ONE}"])
async def test_a_name_that_is_no_uuid_is_refused(web: Any, chat: str) -> None:
    status, _ = await post(web, NAME, chat)
    assert status in (404, 422) and web.agent.model.calls == ()


async def test_of_two_requests_at_once_the_second_waits(web: Any) -> None:
    await asyncio.gather(post(web, NAME), post(web, QUESTION))
    assert sorted(len(items) for items in sent(web.agent.model)) == [1, 3]
    assert stored() == [f"ann:{ONE} user", f"ann:{ONE} assistant"] * 2
    assert len(web.locks) == 0


class Waiting:
    """A model whose first call says that it began, and waits until it may go on."""

    def __init__(self) -> None:
        self.began, self.may_go_on = asyncio.Event(), asyncio.Event()
        reply = [assistant_message("Reply.")]
        self.model = ScriptedModel([ModelStep.respond(self.respond), reply])

    async def respond(self, call: ModelCall) -> Any:
        self.began.set()
        await self.may_go_on.wait()
        return [assistant_message("Reply.")]


async def test_another_conversation_does_not_wait(web: Any) -> None:
    waiting = Waiting()
    web.agent.model = waiting.model
    first = asyncio.create_task(post(web, NAME, ONE))
    await waiting.began.wait()
    assert await post(web, NAME, TWO) == (200, "Reply.")
    waiting.may_go_on.set()
    assert await first == (200, "Reply.")


async def test_a_browser_that_goes_away_finds_its_reply_later(web: Any) -> None:
    waiting = Waiting()
    web.agent.model = waiting.model
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(web.app, log_level="critical"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    _, browser = await asyncio.open_connection(*listening.getsockname())
    body = '"Hello"'
    head = [f"POST /chats/{ONE} HTTP/1.1", "Host: x", "Authorization: Bearer token-of-ann"]
    head += ["Content-Type: application/json", f"Content-Length: {len(body)}", "", body]
    browser.write("\r\n".join(head).encode())
    await asyncio.wait_for(waiting.began.wait(), 60)
    browser.close()
    await browser.wait_closed()
    waiting.may_go_on.set()
    await asyncio.wait_for(Noted.closed.wait(), 60)
    server.should_exit = True
    await serving
    assert stored() == [f"ann:{ONE} user", f"ann:{ONE} assistant"]


async def test_a_model_that_fails_leaves_the_message_and_closes_the_session(web: Any) -> None:
    web.agent.model = ScriptedModel([RuntimeError("no model")])
    assert await post(web, NAME) == (500, None)
    assert Noted.closed.is_set() and stored() == [f"ann:{ONE} user"]
