"""The Chat page, run without a browser: what a person can press, and what is stored then."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from agents import SQLiteSession
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS = 30


@pytest.fixture
def db_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "sessions.db"
    monkeypatch.setenv("SESSIONS_DB", str(path))
    yield path
    st.cache_resource.clear()  # Closes the lab.


@pytest.fixture
def app(db_path: Path) -> AppTest:
    return AppTest.from_file(str(ROOT / "streamlit_sessions_app.py"), default_timeout=SECONDS)


def rows(db_path: Path, session_id: str) -> list[dict[str, Any]]:
    query = "SELECT message_data FROM agent_messages WHERE session_id = ? ORDER BY id"
    with closing(sqlite3.connect(db_path)) as database:
        return [json.loads(data) for (data,) in database.execute(query, (session_id,))]


def store(db_path: Path, session_id: str, *items: dict[str, Any]) -> None:
    """As another program would, with the SDK alone."""
    session = SQLiteSession(session_id, db_path)
    asyncio.run(session.add_items(list(items)))  # type: ignore[arg-type]
    session.close()


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "role": "assistant", "status": "completed", "content": content}


def open_session(app: AppTest, session_id: str) -> AppTest:
    app.query_params["session"] = session_id
    app.run()
    assert not app.exception
    return app


def say(app: AppTest, text: str) -> None:
    app.chat_input[0].set_value(text).run()
    assert not app.exception


def press(app: AppTest, label: str) -> None:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception


def shown(app: AppTest) -> str:
    """Every text on the page."""
    kinds = (app.markdown, app.caption, app.text, app.error, app.warning, app.info, app.expander)
    parts = [
        getattr(part, "value", None) or getattr(part, "label", "") for k in kinds for part in k
    ]
    return "\n".join(map(str, parts))


def open_tab(app: AppTest, name: str) -> AppTest:
    app.session_state["inspector"] = name
    app.run()
    assert not app.exception
    return app


def test_first_run_has_what_the_first_visitor_needs(app: AppTest, db_path: Path) -> None:
    app.run()
    assert not app.exception
    assert app.chat_input[0].placeholder == "Message the agent"
    labels = [button.label for button in app.button]
    for label in ("New session", "Undo turn", "Pop item", "Clear session"):
        assert label in labels
    assert [tab.label for tab in app.tabs] == ["Items", "Sent to model", "Code", "Database"]
    boxes = {box.label: box.options for box in app.selectbox}
    assert boxes["Agent"] == ["Assistant", "Support", "Sales"]
    assert boxes["Memory"] == ["Everything", "Last N items", "Last N turns", "Summary"]
    assert [field.label for field in app.text_input] == ["Find a session"]
    assert sum(str(button.key).startswith("say-") for button in app.button) == 3
    assert "Model\\: offline" in shown(app)
    assert "my_first_session" in app.query_params["session"]
    assert rows(db_path, "my_first_session") == []


def test_a_message_is_answered_stored_and_labelled(app: AppTest, db_path: Path) -> None:
    app.run()
    say(app, "My name is Alice.")
    say(app, "What's my name?")
    stored = rows(db_path, "my_first_session")
    assert [item["role"] for item in stored] == ["user", "assistant"] * 2
    assert "Alice" in json.dumps(stored[-1])
    assert [message.name for message in app.chat_message] == ["user", "assistant"] * 2
    assert "**Assistant** · 2 items stored · about" in app.chat_message[-1].caption[0].value


WRITTEN = """  See http://localhost:8501/docs, `x[1:2:3]`, and 5~10 or 20~30, ~$0.79:
  ```
  2*3*4 = 24
  ```
snake_case_name, C:\\temp\\new, $5 and $6 <b>&amp;</b>"""
JSON = '{"a":  [1]}'


def test_replies_are_shown_as_stored_or_as_markdown(app: AppTest, db_path: Path) -> None:
    replies = (WRITTEN, JSON, "**bold** ![image](https://example.com/x.png)")
    store(db_path, "texts", user(WRITTEN), *map(assistant, replies))
    open_session(app, "texts")

    def as_written() -> list[str]:
        bodies = [element.proto.body for element in app.get("html")]  # type: ignore[attr-defined]
        start, end = '<div class="as-written">', "</div>"
        return [unescape(b[len(start) : -len(end)]) for b in bodies if b.startswith(start)]

    assert as_written() == [WRITTEN, WRITTEN, replies[2]]
    assert app.chat_message[2].code[0].value == JSON
    app.toggle[0].set_value(True).run()
    assert app.chat_message[1].markdown[0].value == WRITTEN.strip()
    assert as_written() == [WRITTEN, replies[2]]
    assert app.chat_message[3].caption[0].value.startswith("As written")
    assert app.chat_message[2].code[0].value == JSON


def test_the_database_may_lie_in_the_home_folder(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("SESSIONS_DB", "~/at_home.db")
    app.run()
    assert (tmp_path / "at_home.db").exists()
    st.cache_resource.clear()


def test_a_suggestion_is_sent(app: AppTest, db_path: Path) -> None:
    app.run()
    press(app, "What city is the Golden Gate Bridge in?")
    assert "San Francisco" in json.dumps(rows(db_path, "my_first_session")[-1])


def test_only_spaces_are_not_sent(app: AppTest, db_path: Path) -> None:
    app.run()
    say(app, "  \n ")
    assert rows(db_path, "my_first_session") == []
    assert not app.chat_message


def test_agent_that_is_chosen_answers(app: AppTest, db_path: Path) -> None:
    app.run()
    app.selectbox(key="agent").select("Sales").run()
    say(app, "How much are 3 monitors?")
    kinds = [item.get("type", "message") for item in rows(db_path, "my_first_session")]
    assert kinds == ["message", "function_call", "function_call_output", "message"]
    assert app.chat_message[-1].caption[0].value.startswith("**Sales**")


def test_memory_policy_changes_the_preview(app: AppTest, db_path: Path) -> None:
    talk = [item for n in range(4) for item in (user(f"Message {n}"), assistant(f"Reply {n}"))]
    store(db_path, "talk", *talk)
    open_tab(open_session(app, "talk"), "Sent to model")
    assert "**Sent**: 9 items" in shown(app)
    app.selectbox(key="memory").select("Last N items")
    open_tab(app, "Sent to model")
    assert "**Sent**: 7 items" in shown(app)
    assert "Outside the last 6 items" in shown(app)
    app.selectbox(key="memory").select("Summary")
    open_tab(app, "Sent to model")
    assert "A summary of these 4 items" in shown(app)
    assert len(rows(db_path, "talk")) == 8


@pytest.mark.parametrize("n", ["inf", "nan", "x", "", "-1", "9" * 400, "2000"])
def test_nonsense_in_the_address_leaves_the_first_choices(app: AppTest, n: str) -> None:
    nonsense = {"agent": "Nobody", "memory": "Last N items", "memory-items": n, "memory-turns": "7"}
    app.query_params.update(nonsense)
    app.run()
    assert not app.exception
    assert app.selectbox(key="agent").value == "Assistant"
    assert app.number_input(key="memory-items").value == 6


def test_question_of_another_program_is_answered_once(app: AppTest, db_path: Path) -> None:
    store(db_path, "left", user("What city is the Golden Gate Bridge in?"))
    open_session(app, "left")
    assert "stored without an answer" in app.warning[0].value
    press(app, "Retry")
    assert [item["role"] for item in rows(db_path, "left")] == ["user", "assistant"]
    assert not app.warning


def test_question_of_another_program_can_be_removed(app: AppTest, db_path: Path) -> None:
    store(db_path, "left", user("Hello."), assistant("Hi."), user("Are you there?"))
    open_session(app, "left")
    press(app, "Remove")
    assert len(rows(db_path, "left")) == 2
    assert not app.warning


def test_undo_turn_lists_the_whole_turn_and_asks(app: AppTest, db_path: Path) -> None:
    app.run()
    say(app, "My name is Alice.")
    say(app, "How many days from 2026-01-01 to 2026-03-01?")
    assert len(rows(db_path, "my_first_session")) == 6
    press(app, "Undo turn")
    listed = shown(app).partition("The whole last turn goes: 4 items.")[2]
    kinds = re.findall(r"^- \*\*([\w ]+)\*\*", listed, re.M)
    assert kinds == ["user", "tool call", "tool output", "assistant"]
    assert len(rows(db_path, "my_first_session")) == 6


def test_pop_item_warns_when_it_splits_a_pair(app: AppTest, db_path: Path) -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "days_between", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c1", "output": "59 days"}
    store(db_path, "pair", user("How many days?"), call, output)
    open_session(app, "pair")
    press(app, "Pop item")
    assert "Tool call without its output" in shown(app)
    assert len(rows(db_path, "pair")) == 3


@pytest.mark.parametrize(
    "name", ["<b>x</b>", "**x** _y_ `z`", "../../x", "'a' \"b\"", "👩‍👩‍👧 $x$"]
)
def test_names_are_escaped(app: AppTest, db_path: Path, name: str) -> None:
    store(db_path, name, user("Hello."), assistant("Hi."))
    open_session(app, name)
    heading = next(m.value for m in app.markdown if m.value.startswith("#### "))
    assert heading.replace("\\", "").startswith(f"#### {name} ")
    assert not [
        char for char in "<*_`$" if char in heading.split(" :small")[0].replace(f"\\{char}", "")
    ]


def test_row_that_holds_no_json_is_shown_as_such(app: AppTest, db_path: Path) -> None:
    store(db_path, "broken", user("Hello."), assistant("Hi."))
    with closing(sqlite3.connect(db_path)) as database, database:
        database.execute("UPDATE agent_messages SET message_data = '{broken' WHERE id = 1")
    open_session(app, "broken")
    assert "Row 1 holds no readable item" in shown(app)
    for tab in ("Sent to model", "Code", "Database"):
        open_tab(app, tab)
    say(app, "My name is Alice.")
    assert len(app.chat_message) == 3


def test_unknown_session_in_the_address_is_said(app: AppTest, db_path: Path) -> None:
    open_session(app, "nowhere")
    assert "There is no session" in app.warning[0].value and "nowhere" in app.warning[0].value
    assert "my_first_session" in app.query_params["session"]


def make_no_database(path: Path) -> None:
    path.write_bytes(b"This is a text and no database. " * 64)


def make_folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "says"), [(make_no_database, "database"), (make_folder, "database")]
)
def test_file_that_is_no_database_is_said(
    app: AppTest, db_path: Path, spoil: Callable[[Path], None], says: str
) -> None:
    spoil(db_path)
    app.run()
    assert not app.exception
    assert len(app.error) == 1
    assert says in app.error[0].value
    assert not app.chat_input


def test_database_that_another_program_keeps_locked_is_said(
    app: AppTest, db_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(db_path, "kept", user("Hello."), assistant("Hi."))
    open_session(app, "kept")
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *args, **options: connect(*args, **{**options, "timeout": 0})
    )
    with closing(connect(db_path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        say(app, "My name is Alice.")
        assert "locked" in app.error[0].value
        holder.execute("ROLLBACK")
    assert len(rows(db_path, "kept")) == 2
    say(app, "My name is Alice.")
    assert not app.error
    assert len(rows(db_path, "kept")) == 4


def test_database_that_may_only_be_read_is_said(app: AppTest, db_path: Path) -> None:
    store(db_path, "kept", user("Hello."), assistant("Hi."))
    open_session(app, "kept")
    with closing(sqlite3.connect(db_path)) as database, database:
        # Root writes any file, so the database itself refuses, in SQLite's words.
        database.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON agent_messages"
            " BEGIN SELECT RAISE(ABORT, 'attempt to write a readonly database'); END"
        )
    say(app, "My name is Alice.")
    assert "may be written" in app.error[0].value or "readonly" in app.error[0].value
    assert len(rows(db_path, "kept")) == 2


def test_a_choice_and_a_message_that_come_together(app: AppTest, db_path: Path) -> None:
    """As when the browser's first request was overtaken by the second, which holds both."""
    for name in ("first", "second"):
        store(db_path, name, user(f"I am {name}."), assistant("Noted."))
    open_session(app, "first")
    app.radio(key="open").set_value("second")
    say(app, "Hello there.")
    assert [row.get("content") for row in rows(db_path, "second")][2] == "Hello there."
    assert len(rows(db_path, "first")) == 2
