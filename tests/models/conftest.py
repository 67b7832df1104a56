"""A server on loopback in the place of a compatible one, and a session in a file."""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from agents import SQLiteSession
from loopback_server import LoopbackServer

SECONDS = itertools.count(60)
"""A port may come again, and equal settings share a model, which remembers the IDs of calls."""


@pytest.fixture
def server(openai_unset: None) -> Iterator[LoopbackServer]:
    with LoopbackServer() as server:
        os.environ.update(OPENAI_BASE_URL=server.url, OPENAI_DEFAULT_MODEL="tiny-model")
        os.environ["OPENAI_TIMEOUT"] = str(next(SECONDS))
        yield server


@pytest.fixture
async def session(tmp_path: Path) -> AsyncIterator[SQLiteSession]:
    session = SQLiteSession("user_123", tmp_path / "sessions.db")
    yield session
    session.close()


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def streamed(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(params=["chat_completions", "responses"])
def api(request: pytest.FixtureRequest, server: LoopbackServer) -> str:
    os.environ["OPENAI_COMPATIBLE_API"] = request.param
    return str(request.param)
