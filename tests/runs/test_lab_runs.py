"""Runs in the lab: streamed, failed and retried, several at once, and after a restart."""

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from agents.testing import ModelStep, ScriptedModel, assistant_message
from lab_tools import (
    EVERYTHING,
    Gate,
    MakeLab,
    PageLab,
    ask,
    asks_for_days,
    finish,
    insert,
    query,
    row_ids,
    says,
    stored,
    talk,
    texts,
)

from session_lab.code_view.actions import FoundItems, RunTurn
from session_lab.history.items import kind, text_of, user_item
from session_lab.history.policies import MemoryPolicy
from session_lab.history.report import WINDOW
from session_lab.models.offline import OfflineModel
from session_lab.runs.live_turn import LiveTurn
from session_lab.store.database import CatalogError
from session_lab.store.seen import all_seen

# -- one turn -------------------------------------------------------------------------------


def test_a_turn_with_a_tool_is_sent_stored_and_reported(make: MakeLab, path: Path) -> None:
    model = ScriptedModel([asks_for_days(), [assistant_message("Two days.")]])
    lab = make(model)
    live = ask(lab, "s", "How long?")
    report = lab.report("s")
    assert report is not None and report is live.report
    assert [call.input for call in report.calls] == [call.input for call in model.calls]
    kinds = ["user", "tool call", "tool output", "assistant"]
    assert list(map(kind, stored(path, "s"))) == kinds
    assert (live.reply, list(map(kind, live.tools))) == ("Two days.", ["tool call", "tool output"])
    ids = row_ids(lab)
    assert report.stored == ids and lab.catalog.database("s").reports("s")[0].stored == ids
    assert (lab.change("s").added, lab.change("s").removed) == (set(ids), ())
    assert lab.live("s") is None


def test_a_reply_is_streamed_to_everybody_who_follows(make: MakeLab) -> None:
    lab = make(OfflineModel(0.005))
    live = lab.send("s", "What is a file session?", "Assistant", EVERYTHING)
    seen = [live.reply for _ in live.follow(0.01)]
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
    a, b = database.reports("s")
    assert [a.stored, b.stored] == [[1, 2], [3, 4]] and b.count_before == 2
    assert (a.agent, str(a.policy), b.agent) == ("Assistant", "Last 2 turns", "Sales")
    assert b.estimated and b.input_tokens > 0 < b.output_tokens and b.seconds >= 0
    assert [call.sent for call in (*a.calls, *b.calls)] == [[], [1, 2]]
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
    told = [report.stored for report in lab.catalog.database("s").reports("s")]
    assert told == [[rows[0].id, rows[1].id], [rows[3].id]], "the reply, not the question"


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
    lab.lab.model = ScriptedModel([ModelStep.respond(model)])
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
    other.delete("s", all_seen(other.catalog, "s").version)
    with pytest.raises(CatalogError, match="does not exist any more"):
        lab.send("s", "again", "Assistant", EVERYTHING)
    assert lab.catalog.count() == 0 and stored(path, "s") == []


# -- which rows ------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2])
def test_a_report_names_the_rows_that_were_sent_and_why_the_others_were_not(
    make: MakeLab, path: Path, n: int
) -> None:
    model = ScriptedModel([asks_for_days("new"), [assistant_message("Two days.")]])
    lab = make(model)
    for item in [*talk(3), {"type": "function_call", "call_id": "cut", "name": "look"}]:
        lab.add_item("s", {**item, "arguments": "{}"} if "type" in item else item)
    insert(path, "s", "not JSON")
    before = row_ids(lab)
    shown = lab.preview("s", "How long?", "Assistant", MemoryPolicy("Last N turns", n))
    ask(lab, "s", "How long?", MemoryPolicy("Last N turns", n))
    [kept] = lab.catalog.database("s").reports("s")
    report = lab.report("s")
    assert report is not None and kept.calls == [
        call.model_copy(update={"input": [], "instructions": None}) for call in report.calls
    ]
    assert shown == report.calls[0], "the preview names the same rows"
    sent = before[-2 * n - 2 : -2]
    reason = "Outside the last turn." if n == 1 else "Outside the last 2 turns."
    for call, recorded in zip(kept.calls, model.calls, strict=True):
        assert (call.sent, call.not_sent) == (
            sent,
            {
                reason: before[: 6 - 2 * n],
                "Tool call without its output.": [before[6]],
            },
        )
        texts_sent = {text_of(item) for item in recorded.input}
        rows = {row.id: row for row in lab.catalog.database("s").rows("s")}
        assert all(text_of(rows[row].item) in texts_sent for row in call.sent)
    assert report.before.keys() == set(before[:-1]) and kept.before == {}


def test_a_long_session_costs_the_report_no_more(make: MakeLab) -> None:
    lab = make(says("ok"))
    lab.import_items("long", "Long", talk(WINDOW))
    report = ask(lab, "long", "hi", MemoryPolicy("Last N items", 2)).report
    assert report is not None and len(report.calls[0].input) == 3
    assert list(report.before.values()) == talk(WINDOW)[-WINDOW:]
    assert report.count_before == 2 * WINDOW and report.calls[0].sent == [*report.before][-2:]


def test_two_programs_in_one_session_claim_their_own_rows_alone(make: MakeLab, path: Path) -> None:
    """The same words at the same time, so that only the run itself can know."""
    gate = Gate("reply")
    first, second = make(ScriptedModel([ModelStep.respond(gate)])), make(says("reply", "reply"))
    live = first.send("s", "hi", "Sales", EVERYTHING)
    assert gate.reached.wait(5)
    ask(second, "s", "hi")
    gate.open()
    finish(live)
    ask(second, "s", "hi")
    assert texts(path) == ["hi", "hi", "reply", "reply", "hi", "reply"]
    told = {report.agent: [] for report in first.catalog.database("s").reports("s")}
    for report in first.catalog.database("s").reports("s"):
        told[report.agent].append(report.stored)
    assert told == {"Sales": [[1, 4]], "Assistant": [[2, 3], [5, 6]]}
    assert first.change("s").added == {1, 4}
    *_, run, others = first.actions("s")
    assert isinstance(run, RunTurn) and list(map(text_of, run.added)) == ["hi", "reply"]
    assert isinstance(others, FoundItems) and list(others.added) == stored(path, "s")


def test_programs_that_write_at_once_claim_every_row_once(make: MakeLab, path: Path) -> None:
    labs = [make(OfflineModel()) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            list(pool.map(lambda lab: ask(lab, "s", "hi"), labs))
    claimed = [row for each in labs[0].catalog.database("s").reports("s") for row in each.stored]
    assert sorted(claimed) == row_ids(labs[0]) == list(range(1, 33))


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
            lambda: lab.clear("s", all_seen(lab.catalog, "s").version),
            lambda: lab.fork("s", "copy", 1, "File"),
            lambda: lab.delete("s", all_seen(lab.catalog, "s").version),
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
    lab = PageLab(tmp_path / "sessions.db", OfflineModel(0.05))
    lives = []
    for name, storage in (("a", "File"), ("b", "Memory"), ("c", "File")):
        lab.create(name, storage)  # type: ignore[arg-type]
        lives.append(lab.send(name, "My name is Alice.", "Assistant", EVERYTHING))
    lab.close()
    assert all(live.is_done for live in lives)
    assert {thread for thread in threading.enumerate() if thread.is_alive()} <= before
    lab.close()
