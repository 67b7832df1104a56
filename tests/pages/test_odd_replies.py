"""What the Chat page shows of a reply that is refused, empty or cut off."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from agents import SQLiteSession
from loopback_server import Answer, LoopbackServer
from readme_checks import ROOT
from streamlit.testing.v1 import AppTest


@pytest.fixture
def db_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, openai_unset: None) -> Iterator[Path]:
    monkeypatch.setenv("SESSIONS_DB", str(tmp_path / "sessions.db"))
    yield tmp_path / "sessions.db"
    st.cache_resource.clear()  # Closes the lab.


@pytest.fixture
def app() -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_sessions_app.py"), default_timeout=30)
    app.query_params["session"] = "user_123"
    return app


def stored(db_path: Path, *items: Any) -> list[Any]:
    """The session's items, after `items` were added to it."""

    async def add() -> list[Any]:
        session = SQLiteSession("user_123", db_path)
        await session.add_items(list(items))
        found: list[Any] = await session.get_items()
        session.close()
        return found

    return asyncio.run(add())


REFUSAL = [{"type": "refusal", "refusal": "I may not."}]
TEXT = [{"type": "output_text", "text": "Oslo is", "annotations": []}]


@pytest.mark.parametrize(
    ("content", "status", "mark"),
    [
        (REFUSAL, "completed", "Refused · "),
        ([], "completed", "Empty · "),
        ("  ", None, "Empty · "),
        (TEXT, "incomplete", "Cut off · "),
        (TEXT, "completed", ""),
    ],
)
def test_a_stored_reply_says_how_it_ended(
    content: Any, status: str | None, mark: str, app: AppTest, db_path: Path
) -> None:
    reply = {"type": "message", "role": "assistant", "content": content, "status": status}
    stored(db_path, {"role": "user", "content": "Where?"}, reply)
    app.run()
    assert not app.exception
    assert f"{mark}Not recorded" in [c.value for c in app.caption]


@pytest.mark.parametrize(
    ("delta", "end", "line"),
    [
        ({"refusal": "I may not."}, "stop", "refused to produce output: I may not. Ask in other"),
        ({"content": ""}, "stop", "sent an empty reply; it ended with: stop. Ask again."),
    ],
    ids=["refused", "empty"],
)
def test_a_run_without_a_reply_shows_why_and_keeps_the_question(
    delta: Any, end: str, line: str, app: AppTest, db_path: Path
) -> None:
    chunk = {"choices": [{"index": 0, "delta": delta, "finish_reason": end}]}
    body = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n"
    question = {"role": "user", "content": "Where?"}
    stored(db_path, question, {"role": "assistant", "content": "In Oslo."})
    with LoopbackServer() as server:
        os.environ.update(OPENAI_BASE_URL=server.url, OPENAI_DEFAULT_MODEL="tiny-model")
        server.next_answers = [Answer(200, body, "text/event-stream")]
        app.run()
        app.chat_input[0].set_value("And who?").run()
        [error] = app.error
        assert line in error.value.replace("\\", "")
        assert stored(db_path)[2:] == [{"role": "user", "content": "And who?"}]
        next(button for button in app.button if button.label == "Retry").click().run()
        assert not app.exception and not app.error
    assert stored(db_path)[3]["content"][0]["text"].startswith("I was sent")
