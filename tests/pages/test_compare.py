"""The Compare page, run without a browser: both replies, both requests, and the rows' proof."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from agents import SQLiteSession
from streamlit.testing.v1 import AppTest

from session_lab.history.items import user_item

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS = 30
QUESTION = "What is my name?"


@pytest.fixture
def db_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "sessions.db"
    monkeypatch.setenv("SESSIONS_DB", str(path))
    yield path
    st.cache_resource.clear()  # Closes the lab.


@pytest.fixture
def page(db_path: Path) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_sessions_app.py"), default_timeout=SECONDS)
    app.run()
    return app.switch_page("session_lab/pages/compare.py").run()


def press(page: AppTest, label: str) -> AppTest:
    return next(button for button in page.button if button.label == label).click().run()


def choose(page: AppTest, label: str, value: str) -> AppTest:
    page.run()  # Lists what another program stored meanwhile.
    return next(box for box in page.selectbox if box.label == label).select(value).run()


def send(page: AppTest, text: str) -> AppTest:
    return page.chat_input[0].set_value(text).run()


def text_of(page: AppTest) -> str:
    assert not page.exception
    assert not page.error
    messages: list[Any] = page.get("html")
    shown = [element.value for element in (*page.markdown, *page.caption)]
    return "\n".join([*shown, *(unescape(message.proto.body) for message in messages)])


def labels(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


def session_ids(db_path: Path) -> list[str]:
    with closing(sqlite3.connect(db_path)) as database:
        query = "SELECT DISTINCT session_id FROM agent_messages ORDER BY 1"
        return [session_id for (session_id,) in database.execute(query)]


def rows_of(db_path: Path, text: str) -> list[int]:
    """The row of a message in user_123 and in user_456: either run may be the first to store it."""
    with closing(sqlite3.connect(db_path)) as database:
        query = (
            "SELECT max(id) FROM agent_messages WHERE json_extract(message_data, '$.content') = ?"
            " AND session_id IN ('user_123', 'user_456') GROUP BY session_id ORDER BY session_id"
        )
        return [row for (row,) in database.execute(query, (text,))]


def store(db_path: Path, session_id: str, *texts: str) -> None:
    session = SQLiteSession(session_id, db_path)
    asyncio.run(session.add_items([user_item(text) for text in texts]))
    session.close()


@pytest.fixture
def ready(page: AppTest) -> AppTest:
    return press(page, "Create two sessions")


def test_a_first_visitor_is_told_what_is_missing(page: AppTest, db_path: Path) -> None:
    assert "a comparison needs two" in page.info[0].value
    press(page, "Create two sessions")
    assert session_ids(db_path) == ["user_123", "user_456"]
    assert [box.value for box in page.selectbox[1:]] == ["user_123", "user_456"]


def test_one_question_gets_two_answers(ready: AppTest) -> None:
    shown = text_of(press(ready, QUESTION))
    assert '"My name is Alice."' in shown
    assert '"My name is Bob."' in shown
    assert shown.count("**Stored**: 2 items") == 2
    assert shown.count("**Sent**: 3 items") == 2
    assert shown.count("**Stored by this turn**: 2 items") == 2
    assert shown.count("**Assistant** · 2 items stored") == 2
    assert "Stop" not in labels(ready)


def test_the_rows_prove_the_isolation(ready: AppTest, db_path: Path) -> None:
    shown = text_of(send(ready, QUESTION))
    first, second = rows_of(db_path, QUESTION)
    assert {first, second} <= set(range(5, 9))
    assert "**No row belongs to both**" in shown
    told = f"is row {first} in user\\_123 and row {second} in user\\_456."
    assert f"“{QUESTION}” {told}" in shown
    assert "“My name is Alice\\.” (row 1 of user\\_123) stands in no row of user\\_456." in shown
    assert set(ready.dataframe[0].value["session_id"]) == {"user_123", "user_456"}
    assert "SELECT count(*) AS shared_rows FROM agent_messages" in ready.code[-1].value


def test_a_text_in_both_is_shown_as_that(ready: AppTest, db_path: Path) -> None:
    send(ready, "I live in Oslo.")
    first, second = rows_of(db_path, "I live in Oslo.")
    said = f"“I live in Oslo\\.” (row {first} of user\\_123)"
    assert f"{said} stands in user\\_456 too, in row {second}" in text_of(send(ready, QUESTION))


def test_another_choice_shows_what_is_stored_there(ready: AppTest, db_path: Path) -> None:
    send(ready, QUESTION)
    store(db_path, "carol", "My name is Carol.")
    choose(ready, "Second session", "carol")
    shown = text_of(ready)
    assert "B: carol" in shown
    assert "Stored by this turn" not in shown
    assert "1 item stored" in shown
    assert '"My name is Carol."' in text_of(send(ready, QUESTION))


def test_one_session_twice_is_no_comparison(ready: AppTest, db_path: Path) -> None:
    choose(ready, "Second session", "user_123")
    assert "This is one session twice" in ready.warning[0].value
    assert "waits in the input" in send(ready, QUESTION).toast[0].value
    assert rows_of(db_path, QUESTION) == []


def test_only_spaces_are_not_sent(ready: AppTest) -> None:
    assert "Stored by this turn" not in text_of(send(ready, "   "))


def test_another_agent_answers(ready: AppTest) -> None:
    choose(ready, "Agent", "Support")
    assert text_of(send(ready, QUESTION)).count("**Support** · 2 items stored") == 2


def test_markup_in_an_id_shows_as_typed(ready: AppTest, db_path: Path) -> None:
    store(db_path, "**bold** [x](y)", "My name is Dora.")
    choose(ready, "Second session", "**bold** [x](y)")
    assert "B: \\*\\*bold\\*\\* \\[x\\]\\(y\\)" in text_of(ready)


def test_thirty_sessions_are_listed_and_more_are_found(ready: AppTest, db_path: Path) -> None:
    for number in range(32):
        store(db_path, f"many_{number:02}", f"My name is Number{number}.")
    ready.run()
    assert len(ready.selectbox[1].options) <= 32
    ready.text_input[0].set_value("Number7.").run()
    choose(ready, "Second session", "many_07")
    assert '"My name is Number7."' in text_of(send(ready, QUESTION))


@pytest.fixture
def policies(ready: AppTest, db_path: Path) -> AppTest:
    store(db_path, "long", "My name is Alice.", "I live in Oslo.", "I work as a nurse.")
    ready.button_group[0].set_value("Two memory policies").run()
    return choose(ready, "Session", "long")


def test_two_policies_give_two_answers(policies: AppTest, db_path: Path) -> None:
    shown = text_of(send(policies, QUESTION))
    assert "A: Everything" in shown
    assert "B: Last 2 items" in shown
    assert '"My name is Alice."' in shown
    assert "Nothing in the 3 items I was sent says that." in shown
    assert "Outside the last 2 items" in shown
    assert "**long is as it was before**: 3 rows, the last is row 7" in shown
    assert "The copies are removed when" in shown
    assert session_ids(db_path) == ["long", "user_123", "user_456"]


def test_a_policy_is_chosen_with_its_n(policies: AppTest) -> None:
    choose(policies, "Memory of copy A", "Last N turns")
    policies.number_input[0].set_value(1).run()
    assert "A: Last turn" in text_of(send(policies, QUESTION))
