"""Runs in the lab: what they report, and several at once."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
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
from session_lab.models.offline import OfflineModel
from session_lab.store.database import CatalogError
from session_lab.store.seen import all_seen

CUT = {"type": "function_call", "call_id": "cut", "name": "look", "arguments": "{}"}


# -- one turn -------------------------------------------------------------------------------


def test_a_report_names_the_rows_and_is_there_after_a_restart(make: MakeLab, path: Path) -> None:
    model = ScriptedModel([asks_for_days("new"), [assistant_message("Two days.")]])
    lab = make(model)
    lab.import_items("long", "", [*talk(200), CUT])
    insert(path, "long", "not JSON")
    before = row_ids(lab, "long")
    policy = MemoryPolicy("Last N turns", 2)
    shown = lab.outlook("long", "Assistant", policy)
    live = ask(lab, "long", "How long?", policy)
    report = lab.log("long").report
    assert report is live.report and [call.input for call in report.calls] == [
        call.input for call in model.calls
    ]
    assert shown.call.input[:-1] == report.calls[0].input[:-1]
    assert report.count_before == len(before) and list(report.before) == before[:-1]
    for call in report.calls:
        assert call.sent() == dict(zip(before[-6:-2], (1, 2, 3, 4), strict=True))
        assert call.sent() == shown.call.sent()
        assert call.not_sent() == {
            **dict.fromkeys(before[:-6], "Outside the last 2 turns."),
            before[-2]: "Tool call without its output.",
        }
    kinds = ["user", "tool call", "tool output", "assistant"]
    added = lab.catalog.database("long").rows("long", last=4)
    assert [kind(row.item) for row in added] == kinds
    assert report.stored == [row.id for row in added]
    assert (live.reply, list(map(kind, live.tools))) == ("Two days.", kinds[1:3])
    lab.close()
    [kept] = make(says()).catalog.database("long").reports("long")
    hidden: dict[str, Any] = {"input": [], "instructions": None}
    calls = [call.model_copy(update=hidden) for call in report.calls]
    assert kept == report.model_copy(update={"calls": calls, "before": {}})


def test_a_run_that_cannot_use_its_database_says_so(make: MakeLab, path: Path) -> None:
    gate = Gate("reply")
    lab = make(ScriptedModel([ModelStep.respond(gate)]))
    query(path, "ALTER TABLE agent_messages RENAME TO gone")
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        lab.send("s", "hi", "Assistant", EVERYTHING)
    query(path, "ALTER TABLE gone RENAME TO agent_messages")
    live = lab.send("s", "hi", "Assistant", EVERYTHING)
    assert gate.reached.wait(5)
    query(path, "DROP TABLE lab_turns")
    gate.open()
    finish(live)
    assert texts(path) == ["hi", "reply"]
    report = lab.log("s").report
    assert report is not None and "lab_turns" in str(report.error), "the error was swallowed"


def test_a_session_that_another_process_deleted_does_not_come_back(
    make: MakeLab, path: Path
) -> None:
    lab, other = make(says("hello", "never")), make(says())
    ask(lab, "s", "hi")
    other.delete("s", all_seen(other.catalog, "s").version)
    with pytest.raises(CatalogError, match="does not exist any more"):
        lab.send("s", "again", "Assistant", EVERYTHING)
    assert lab.catalog.count() == 0 and stored(path, "s") == []


# -- at once --------------------------------------------------------------------------------


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
    told = [(each.agent, each.stored) for each in first.catalog.database("s").reports("s")]
    assert told == [("Sales", [1, 4]), ("Assistant", [2, 3]), ("Assistant", [5, 6])]
    assert first.log("s").change.added == {1, 4}
    *_, run, others = first.actions("s")
    assert isinstance(run, RunTurn) and list(map(text_of, run.added)) == ["hi", "reply"]
    assert isinstance(others, FoundItems) and list(others.added) == stored(path, "s")


def test_of_two_sends_at_once_one_is_refused_and_so_is_every_change(
    make: MakeLab, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, looking, go_on = Gate("reply"), threading.Event(), threading.Event()
    lab = make(ScriptedModel([ModelStep.respond(gate)]))
    existing = lab.catalog.existing

    def look(session_id: str) -> Any:
        looking.set()
        assert go_on.wait(2)
        return existing(session_id)

    monkeypatch.setattr(lab.catalog, "existing", look)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(lab.send, "s", "first", "Assistant", EVERYTHING)
        assert looking.wait(5)
        with pytest.raises(CatalogError, match="Stop it or wait"):
            lab.send("s", "second", "Assistant", EVERYTHING)
        go_on.set()
        live = first.result(5)
    assert lab.live("s") is live and gate.reached.wait(5)
    version = all_seen(lab.catalog, "s").version
    for change in (
        lambda: lab.add_item("s", user_item("x")),
        lambda: lab.clear("s", version),
        lambda: lab.fork("s", "copy", 1, "File"),
        lambda: lab.delete("s", version),
        lab.restart,
    ):
        with pytest.raises(CatalogError, match="Stop it or wait"):
            change()
    gate.open()
    finish(live)
    assert texts(path) == ["first", "reply"] and lab.catalog.count() == 1


def test_of_tabs_that_create_one_session_at_once_one_is_told_that_it_is_new(
    make: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, both = make(says()), threading.Barrier(2)
    info = lab.catalog.info

    def look(session_id: str) -> Any:
        found = info(session_id)
        with suppress(threading.BrokenBarrierError):
            both.wait(0.5)  # In vain: the other may not look before this one has created.
        return found

    monkeypatch.setattr(lab.catalog, "info", look)
    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(lambda _: lab.create("new", "File"), range(2))) == 1


def test_two_tabs_may_look_ahead_at_once(make: MakeLab) -> None:
    lab = make(says())
    with ThreadPoolExecutor(4) as pool:
        shown = pool.map(lambda _: lab.outlook("s", "Assistant", EVERYTHING), range(8))
    assert [len(each.call.input) for each in shown] == [1] * 8


def test_close_ends_runs_and_threads(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    lab = PageLab(tmp_path / "sessions.db", OfflineModel(0.05))
    lives = []
    for name, storage in (("a", "File"), ("b", "Memory"), ("c", "File")):
        lab.create(name, storage)
        lives.append(lab.send(name, "My name is Alice.", "Assistant", EVERYTHING))
    lab.close()
    assert all(live.is_done for live in lives)
    assert {thread for thread in threading.enumerate() if thread.is_alive()} <= before
