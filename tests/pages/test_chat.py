"""Chat: what a person says and chooses, what is stored then, and what is said of trouble."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import streamlit as st
from page_tools import FIRST, Open, Page, end_the_process, store

from session_lab.code_view.agents import ACCEPTED, AGENT_NAMES, TRY, AgentName
from session_lab.history.items import assistant_item as assistant
from session_lab.history.items import user_item as user
from session_lab.pages import sidebar

NAME = "My name is Alice."
TALK = [user("My dog's name is Rex."), assistant("Noted.")]


def test_first_run_has_what_the_first_visitor_needs(page: Page) -> None:
    app = page.app
    assert app.chat_input[0].placeholder == "Message the agent"
    labels = [button.label for button in app.button]
    assert {"New session", "Undo turn", "Pop item", "Clear session"} <= {*labels}
    assert [tab.label for tab in app.tabs] == ["Memory", "Code", "Database"]
    boxes = {box.label: box.options for box in app.selectbox}
    assert boxes["Agent"] == ["Assistant", "Support", "Sales"]
    assert boxes["Memory"] == ["Everything", "Last N items", "Last N turns", "Summary"]
    assert "What is stored and what the model is sent are two lists" in page.shown
    assert "Model\\: offline" in page.shown
    assert page.rows() == []
    page.press("What city is the Golden Gate Bridge in?")
    assert "San Francisco" in page.rows()[-1]["content"][0]["text"]
    said = [button.label for button in app.button if str(button.key).startswith("say-")]
    assert said == ["My name is Alice and I live in Oslo."], "one suggestion is left"


def test_the_suggestions_lead_from_a_fact_to_its_loss_and_back(page: Page) -> None:
    question = "What is my name?"
    page.press("My name is Alice and I live in Oslo.")
    page.press("Send only the last item from now on").press(question)
    assert "Nothing in the 2 items I was sent says that." in page.replies[-1]
    page.press("Send everything again").press(question)
    assert "From item 1 of 5" in page.replies[-1]
    page.press("Restart: what is still there?")
    assert "Restart now" in [button.label for button in page.app.button]


@pytest.mark.parametrize("agent", AGENT_NAMES)
def test_each_agent_offers_a_message_that_calls_its_tool(page: Page, agent: AgentName) -> None:
    page.choose("Agent", agent)
    assert ACCEPTED[agent] in page.shown
    page.press(TRY[agent])
    assert page.kinds() == ["user", "function_call", "function_call_output", "assistant"]
    assert "Error" not in page.rows()[2]["output"]


@pytest.mark.parametrize("address", ["", "0.0.0.0", "192.168.1.20"])
def test_at_another_address_no_session_is_shown(
    db_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    store(db_path, "secret", user(NAME))
    get_option = st.get_option
    monkeypatch.setattr(
        st, "get_option", lambda key: address if key == "server.address" else get_option(key)
    )
    page = Page(db_path, "secret")
    assert "only at the address `localhost`" in page.app.error[0].value
    assert (page.app.chat_input, page.listed, NAME in page.shown) == ([], [], False)


WRITTEN = """  See http://localhost:8501/docs, `x[1:2:3]`, and 5~10 or 20~30, ~$0.79:
  ```
  2*3*4 = 24
  ```
snake_case_name, C:\\temp\\new, $5 and $6 <b>&amp;</b>"""
JSON = '{"a":  [1]}'


def test_replies_are_shown_as_stored_or_as_markdown(open_page: Open, db_path: Path) -> None:
    replies = (WRITTEN, JSON, "**bold** ![image](https://example.com/x.png)")
    store(db_path, "texts", user(WRITTEN), *map(assistant, replies))
    page = open_page("texts")
    assert page.as_written == [WRITTEN, WRITTEN, replies[2]]
    assert page.app.chat_message[2].code[0].value == JSON
    page.app.toggle[0].set_value(True)
    page.run()
    assert page.app.chat_message[1].markdown[0].value == WRITTEN.strip()
    assert page.as_written == [WRITTEN, replies[2]]
    assert page.app.chat_message[3].caption[0].value.startswith("As written")
    assert page.app.chat_message[2].code[0].value == JSON


def test_the_database_may_lie_in_the_home_folder(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("SESSIONS_DB", "~/at_home.db")
    open_page()
    assert (tmp_path / "at_home.db").exists()
    end_the_process()


def test_agents_share_a_session_use_their_tools_and_are_named(page: Page, open_page: Open) -> None:
    page.choose("Agent", "Sales").say("How much are 3 monitors?")
    page.choose("Agent", "Support").say("What is the status of order A-1001?")
    assert page.kinds() == ["user", "function_call", "function_call_output", "assistant"] * 2
    assert "Tool call: price\\_quote" in page.shown
    assert 'price_quote({"product": "monitor", "quantity": 3})' in [c.value for c in page.app.code]
    end_the_process()
    first, last = open_page(FIRST).replies
    assert "900" in first and "**Sales** · 4 items stored" in first
    assert "Friday" in last and "**Support** · 4 items stored" in last


def test_any_text_but_spaces_is_stored_and_shown_whole(page: Page) -> None:
    page.say("  \n ")
    assert page.rows() == [] and not page.app.chat_message
    texts = ["שלום\nzwei\n\n![x](https://evil.example/x.png)", "word" + " and" * 25_000]
    page.say(*texts)
    assert [page.rows()[place] for place in (0, 2)] == [*map(user, texts)]
    page.set("conversation-3", True)  # Unfolds what is long.
    assert {*texts} <= {*page.as_written}


@pytest.mark.parametrize("n", ["inf", "nan", "x", "2000"])
def test_nonsense_in_the_address_leaves_the_first_choices(open_page: Open, n: str) -> None:
    nonsense = {"agent": "Nobody", "memory": "Last N items", "memory-items": n, "memory-turns": "7"}
    page = open_page("nowhere", **nonsense)
    assert "There is no session **nowhere**" in page.app.warning[0].value
    assert FIRST in page.app.query_params["session"]
    assert page.app.selectbox(key="agent").value == "Assistant"
    assert page.app.number_input(key="memory-items").value == 6


@pytest.mark.parametrize(
    ("button", "left"), [("Retry", ["user", "assistant"] * 2), ("Remove", ["user", "assistant"])]
)
def test_question_that_a_crash_left_is_answered_or_removed(
    open_page: Open, db_path: Path, button: str, left: list[str]
) -> None:
    store(db_path, "left", *TALK, user("What city is the Golden Gate Bridge in?"))
    page = open_page("left")
    assert "stored without an answer" in page.app.warning[0].value
    page.press(button)
    assert page.kinds("left") == left
    assert not page.app.warning


def test_row_that_holds_no_json_is_shown_as_such(open_page: Open, db_path: Path) -> None:
    store(db_path, "broken", *TALK)
    page = open_page("broken")
    page.query("UPDATE agent_messages SET message_data = '{broken' WHERE id = 1")
    assert "Row 1 holds no readable item" in page.run().shown
    for tab in ("Memory", "Code", "Database"):
        page.tab(tab)
    assert len(page.say(NAME).app.chat_message) == 3


# -- which session --------------------------------------------------------------------------


def test_an_id_that_exists_is_opened_and_an_empty_one_is_refused(
    open_page: Open, db_path: Path
) -> None:
    store(db_path, "exists", *TALK)
    page = open_page().press("New session").fill("Session ID", " ").press("Create")
    assert "Type a session ID" in page.app.error[0].value
    page.fill("Session ID", "exists").press("Create")
    assert "exists already" in page.app.toast[0].value
    assert len(page.app.chat_message) == 2
    assert page.query("SELECT session_id FROM agent_sessions") == [("exists",)]
    assert page.rows("exists") == TALK


def test_a_session_that_another_tab_deletes_is_not_brought_back(
    open_page: Open, db_path: Path
) -> None:
    store(db_path, "gone", *TALK)
    first, second = open_page("gone"), open_page("gone")
    first.menu("Delete").press("Delete session")
    second.say("What's my dog's name?")
    assert "#### gone" not in second.shown
    assert second.rows("gone") == []


def test_a_choice_and_a_message_that_come_together(open_page: Open, db_path: Path) -> None:
    """As when the browser's first request was overtaken by the second, which holds both."""
    for name in ("first", "second"):
        store(db_path, name, *TALK)
    page = open_page("first")
    page.app.radio(key="open").set_value("second")
    page.say("Hello there.")
    assert page.rows("second")[2] == user("Hello there.")
    assert page.rows("first") == TALK


def test_sessions_are_found_by_id_and_text(open_page: Open, db_path: Path) -> None:
    store(db_path, "user_found", *TALK)
    store(db_path, "user_other", user("I like tea."))
    page = open_page("user_found")
    for search, found in (("REX", 1), ("ser_fou", 1), ("user", 2), ("", 2)):
        page.fill("Find a session", search).run()
        assert len(page.listed) == found and "user\\_found" in page.listed
    page.fill("Find a session", "nowhere to be found").run()
    assert "No session contains nowhere" in page.shown


def test_a_list_of_many_sessions_has_pages(
    open_page: Open, db_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sidebar, "PER_PAGE", 3)
    for number in range(5):
        store(db_path, f"many{number}", *TALK)
    page = open_page()
    first = page.listed
    second = page.set("page-2", 2).listed
    assert (len(first), len(second), len({*first, *second})) == (3, 2, 5)


def test_a_long_session_shows_its_end_and_the_rest_on_demand(
    open_page: Open, db_path: Path
) -> None:
    store(db_path, "long", *(user(f"Message {number}") for number in range(500)))
    page = open_page("long")
    assert page.as_written[-1] == "Message 499"
    assert len(page.app.chat_message) == 40
    page.press("Show earlier items (460 more)")
    assert len(page.app.chat_message) == 440


# -- the file -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spoil", [lambda path: path.write_bytes(b"A text, no database. " * 99), Path.mkdir]
)
def test_file_that_is_no_database_is_said(
    open_page: Open, db_path: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(db_path)
    page = open_page()
    assert len(page.app.error) == 1 and "database" in page.app.error[0].value
    assert not page.app.chat_input


def test_database_that_another_program_keeps_locked_is_said(
    open_page: Open, db_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(db_path, "kept", *TALK)
    page, connect = open_page("kept"), sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *args, **options: connect(*args, **{**options, "timeout": 0})
    )
    with closing(connect(db_path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert "locked" in page.say(NAME).app.error[0].value
        holder.execute("ROLLBACK")
    # Two of the lab's own writers may meet: each waits for the other, as it does outside tests.
    monkeypatch.setattr(sqlite3, "connect", connect)
    assert page.rows("kept") == TALK
    assert not page.say(NAME).app.error
    assert len(page.rows("kept")) == 4


def test_a_session_that_is_only_read_offers_no_next_step(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "theirs.db"
    store(theirs, "theirs", *TALK, user("Is anybody there?"))
    monkeypatch.setattr("sys.argv", ["streamlit_sessions_app.py", "--open", str(theirs)])
    page = open_page("theirs")
    assert page.app.chat_input[0].disabled and "Is anybody there?" in page.shown
    labels = [button.label for button in page.app.button]
    assert "Retry" not in labels and not [key for key in labels if key.startswith("My name")]
