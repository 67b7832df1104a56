"""Runs in the lab: streamed, failed and retried, several at once, and after a restart."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from agents.testing import ModelStep, ScriptedModel, assistant_message
from lab_tools import (
    EVERYTHING,
    Gate,
    MakeLab,
    ask,
    asks_for_days,
    finish,
    insert,
    labs_on,
    query,
    says,
    stored,
    talk,
    texts,
)

from session_lab.history.items import kind, text_of, user_item
from session_lab.history.policies import MemoryPolicy
from session_lab.models.offline import OfflineModel
from session_lab.runs.lab import Lab
from session_lab.runs.live_turn import LiveTurn
from session_lab.store.catalog import CatalogError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
def make(path: Path) -> Iterator[MakeLab]:
    with labs_on(path) as made:
        yield made


# -- one turn -------------------------------------------------------------------------------


def test_a_turn_with_a_tool_is_sent_stored_and_reported(make: MakeLab, path: Path) -> None:
    model = ScriptedModel([asks_for_days(), [assistant_message("Two days.")]])
    lab = make(model)
    live = ask(lab, "s", "How long?")
    report = lab.report("s")
    assert report is not None and report is live.report
    assert [call.input for call in report.calls] == [call.input for call in model.calls]
    assert stored(path, "s") == report.stored
    assert list(map(kind, report.stored)) == ["user", "tool call", "tool output", "assistant"]
    assert (live.reply, list(map(kind, live.tools))) == ("Two days.", ["tool call", "tool output"])
    ids = {row.id for row in lab.catalog.database("s").rows("s")}
    assert (lab.change("s").added, lab.change("s").removed) == (ids, ())
    assert lab.live("s") is None


def test_a_reply_is_streamed_to_everybody_who_follows(make: MakeLab) -> None:
    lab = make(OfflineModel(0.005))
    live = lab.send("s", "What is a file session?", "Assistant", EVERYTHING)
    seen = [live.reply for _ in live.follow()]
    growing = [text for text in dict.fromkeys(seen) if text]
    assert len(growing) > 2, "the reply came at once and not word by word"
    assert all(live.reply.startswith(text) for text in growing)
    assert lab.live("s") is None and live.report is not None


def test_labels_are_there_after_a_restart_of_the_process(make: MakeLab, path: Path) -> None:
    first = make(says("one", "two"))
    ask(first, "s", "a", MemoryPolicy("Last N turns", 2))
    finish(first.send("s", "b", "Sales", EVERYTHING))
    first.close()
    again = make(says())
    database = again.catalog.database("s")
    told = {text_of(row.item): database.reports("s").get(row.id) for row in database.rows("s")}
    assert told["one"] is told["two"] is None
    assert told["a"] is not None and told["b"] is not None
    assert (told["a"]["agent"], told["a"]["memory"]) == ("Assistant", "Last 2 turns")
    assert (told["b"]["agent"], told["b"]["items_stored"]) == ("Sales", 2)
    assert told["b"]["estimated"] and told["b"]["input_tokens"] > 0 < told["b"]["output_tokens"]
    assert told["b"]["seconds"] >= 0
    assert [row["first_row"] for row in database.table_rows("s", "lab_turns")] == [3, 1]


# -- failed, then asked again ---------------------------------------------------------------


def test_a_retry_stores_the_question_once_and_labels_it(make: MakeLab, path: Path) -> None:
    model = ScriptedModel([[assistant_message("one")], ValueError("down"), ValueError("down")])
    lab = make(model)
    ask(lab, "s", "a")
    for text in ("b", None):
        live = ask(lab, "s", text)
        assert live.report is not None and "down" in str(live.report.error)
        assert texts(path) == ["a", "one", "b"]
    assert len(lab.catalog.database("s").reports("s")) == 1, "a failed turn has no label"
    model.enqueue([assistant_message("two")])
    ask(lab, "s", None)
    assert [text_of(item) for item in model.calls[-1].input] == ["a", "one", "b"]
    assert texts(path) == ["a", "one", "b", "two"]
    rows = lab.catalog.database("s").rows("s")
    assert list(lab.catalog.database("s").reports("s")) == [rows[0].id, rows[2].id]


@pytest.mark.parametrize("history", [[], talk(1)])
def test_a_retry_from_a_stale_page_asks_and_stores_nothing(
    make: MakeLab, path: Path, history: list[Any]
) -> None:
    model = says("a second answer")
    lab = make(model)
    for item in history:
        lab.add_item("s", item)
    live = ask(lab, "s", None)
    assert model.calls == () and stored(path, "s") == history
    assert live.report is not None and "nothing was sent" in str(live.report.error)


def test_a_run_that_cannot_use_its_database_says_so(make: MakeLab, path: Path) -> None:
    lab = make(says("never"))
    query(path, "ALTER TABLE agent_messages RENAME TO gone")
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        lab.send("s", "hi", "Assistant", EVERYTHING)
    query(path, "ALTER TABLE gone RENAME TO agent_messages")
    model = Gate("reply")
    lab.model = ScriptedModel([ModelStep.respond(model)])
    live = lab.send("s", "hi", "Assistant", EVERYTHING)
    model.reached.wait(5)
    query(path, "DROP TABLE lab_turns")
    model.open()
    finish(live)
    report = lab.report("s")
    assert report is not None and "lab_turns" in str(report.error), "the error was swallowed"
    assert texts(path) == ["hi", "reply"]


def test_a_session_that_another_process_deleted_does_not_come_back(
    make: MakeLab, path: Path
) -> None:
    lab, other = make(says("hello", "never")), make(says())
    ask(lab, "s", "hi")
    other.delete("s", other.tail("s").version)
    with pytest.raises(CatalogError, match="does not exist any more"):
        lab.send("s", "again", "Assistant", EVERYTHING)
    assert lab.catalog.count() == 0 and stored(path, "s") == []


# -- at once --------------------------------------------------------------------------------


def test_of_two_sends_at_once_one_is_refused(
    make: MakeLab, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate("reply")
    lab = make(ScriptedModel([ModelStep.respond(gate)]))
    existing = lab.catalog.existing
    # Slow enough for every thread to come in between the look and the start.
    monkeypatch.setattr(lab.catalog, "existing", lambda each: (time.sleep(0.02), existing(each))[1])

    def send(number: int) -> LiveTurn | None:
        try:
            return lab.send("s", f"from {number}", "Assistant", EVERYTHING)
        except CatalogError as error:
            assert "Stop it or wait" in str(error)
            return None

    with ThreadPoolExecutor(8) as pool:
        lives = [live for live in pool.map(send, range(8)) if live is not None]
        assert lives == [lab.live("s")], "the other seven were told, and their text is not lost"
        assert gate.reached.wait(5)
        for change in (
            lambda: lab.add_item("s", user_item("x")),
            lambda: lab.clear("s", lab.tail("s").version),
            lambda: lab.fork("s", "copy", 1, "File"),
            lambda: lab.delete("s", lab.tail("s").version),
            lambda: lab.preview("s", "x", "Assistant", EVERYTHING),
            lab.restart,
        ):
            with pytest.raises(CatalogError, match="Stop it or wait"):
                change()
        gate.open()
        finish(lives[0])
    assert texts(path) == [lives[0].text, "reply"] and lab.catalog.count() == 1


def test_of_tabs_that_create_one_session_at_once_one_is_told_that_it_is_new(
    make: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = make(says())
    info = lab.catalog.info
    # Slow enough for every thread to come in between the look and the creation.
    monkeypatch.setattr(lab.catalog, "info", lambda each: (info(each), time.sleep(0.02))[0])
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: lab.create("new", "File"), range(8))) == 1


def test_two_sessions_run_in_parallel(make: MakeLab, path: Path) -> None:
    slow, quick = Gate("slow"), Gate("quick")
    lab = make(ScriptedModel([ModelStep.respond(slow), ModelStep.respond(quick)]))
    lab.create("t", "Memory")
    first = lab.send("s", "a", "Assistant", EVERYTHING)
    assert slow.reached.wait(5)
    second = lab.send("t", "b", "Support", EVERYTHING)
    assert quick.reached.wait(5), "the second run waited for the first"
    quick.open()
    finish(second)
    assert lab.live("s") is first
    slow.open()
    finish(first)
    assert texts(path) == ["a", "slow"] and second.reply == "quick"


def test_many_sessions_at_once_keep_their_turns_apart(make: MakeLab, path: Path) -> None:
    lab = make(OfflineModel())
    ids = [f"user_{number}" for number in range(20)]

    def talk_in(session_id: str) -> None:
        lab.create(session_id, "File")
        ask(lab, session_id, f"My name is {session_id}.")
        ask(lab, session_id, "What is my name?")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(talk_in, ids))
    for session_id in ids:
        said = texts(path, session_id)
        assert len(said) == 4 and session_id in said[3]


def test_two_tabs_may_look_at_the_preview_at_once(make: MakeLab, path: Path) -> None:
    lab = make(says())
    for number in range(6):
        insert(path, "s", *['{"role": "user", "content": "x"}'] * number)
    with ThreadPoolExecutor(6) as pool:
        shown = list(
            pool.map(lambda _: lab.preview("s", "next", "Assistant", EVERYTHING), range(12))
        )
    assert all(len(call.input) == 16 for call in shown) and len(stored(path, "s")) == 15


def test_close_ends_runs_and_threads(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    lab = Lab(tmp_path / "sessions.db", OfflineModel(0.05))
    lives = []
    for name, storage in (("a", "File"), ("b", "Memory"), ("c", "File")):
        lab.create(name, storage)  # type: ignore[arg-type]
        lives.append(lab.send(name, "My name is Alice.", "Assistant", EVERYTHING))
    lab.close()
    assert all(live.is_done for live in lives)
    assert {thread for thread in threading.enumerate() if thread.is_alive()} <= before
    lab.close()
