"""The chat app of the README, run from the README's own text."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import readme_checks
import streamlit as st
from loopback_server import LoopbackServer
from readme_checks import ROOT
from streamlit.testing.v1 import AppTest

PROGRAM = readme_checks.programs(ROOT / "README.md")["chat_app.py"]
QUESTIONS = ["My name is Alice.", "What is my name?"]
# Streamlit reads its settings once, in the folder where it is then, and the lab's tests need them.
st.get_option("server.address")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def open_app(chat: str | None = None, program: str = PROGRAM) -> AppTest:
    """A browser that opens the app: with an address that it was given, or for the first time."""
    app = AppTest.from_string(program, default_timeout=60)
    if chat is not None:
        app.query_params["chat"] = chat
    app.run()
    assert not app.exception
    return app


def say(app: AppTest, text: str) -> None:
    app.chat_input[0].set_value(text).run()
    assert not app.exception


def shown(app: AppTest) -> list[tuple[str, str]]:
    return [(message.name, message.children[0].value) for message in app.chat_message]


def chat_id(app: AppTest) -> str:
    found = app.query_params["chat"]
    return found if isinstance(found, str) else found[0]  # An older Streamlit gives a list.


def stored(session_id: str) -> list[Any]:
    query = "SELECT message_data FROM agent_messages WHERE session_id = ? ORDER BY id"
    with closing(sqlite3.connect("chats.db")) as database:
        return [json.loads(data) for (data,) in database.execute(query, (session_id,))]


def test_a_conversation_outlives_the_app_and_is_its_visitor_s_alone() -> None:
    app = open_app()
    assert shown(app) == []
    for text in QUESTIONS:
        say(app, text)
    rows = stored(chat_id(app))
    assert [row["role"] for row in rows] == ["user", "assistant"] * 2
    assert [row["content"] for row in rows[::2]] == QUESTIONS
    conversation = shown(app)
    assert [name for name, _ in conversation] == ["user", "assistant"] * 2
    assert [text for _, text in conversation[::2]] == QUESTIONS
    assert "Alice" in conversation[3][1] == rows[3]["content"][0]["text"]
    assert shown(open_app(chat_id(app))) == conversation
    other = open_app()
    say(other, "What is my name?")
    assert "Alice" not in shown(other)[1][1]
    assert len(chat_id(app)) == 32 and chat_id(app) != chat_id(other)


def test_a_reply_is_shown_as_text_and_a_tool_item_not_at_all() -> None:
    picture = "![i](https://example.com/x.png)"
    app = open_app()
    say(app, picture)
    with closing(sqlite3.connect("chats.db")) as database, database:
        call = {"type": "function_call", "call_id": "c", "name": "n", "arguments": "{}"}
        refused = {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
        rows = [(chat_id(app), json.dumps(item)) for item in (call, refused)]
        database.executemany(
            "INSERT INTO agent_messages (session_id, message_data) VALUES (?, ?)", rows
        )
    app.run()
    assert [name for name, _ in shown(app)] == ["user", "assistant", "assistant"]
    assert (shown(app)[0][1], shown(app)[2][1]) == (picture, "No.")
    assert not app.markdown


@pytest.mark.usefixtures("openai_unset")
def test_with_a_client_of_its_own_every_message_is_served() -> None:
    client = "from agents import set_default_openai_client\nfrom openai import AsyncOpenAI\n"
    client += "set_default_openai_client(AsyncOpenAI())\n"
    own = PROGRAM.replace(", model=choose_model()", "")
    own = own.replace("from session_lab.models import choose_model\n", client)
    assert "choose_model" not in own
    with LoopbackServer() as server:
        os.environ.update(OPENAI_BASE_URL=server.url, OPENAI_API_KEY="a-key-of-nobody")
        app = open_app(program=own)
        for text in [*QUESTIONS, "And now?"]:
            say(app, text)
        answers = [text for name, text in shown(app) if name == "assistant"]
        assert answers == [f"I was sent {number} items." for number in (1, 3, 5)]
        assert len(server.requests) == 3
