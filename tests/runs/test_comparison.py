"""One message to two sessions, or to two copies of one: both at once, and what is left of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agents.testing import ModelStep, ScriptedModel
from lab_tools import (
    Gate,
    MakeLab,
    PageLab,
    ask,
    insert,
    labs_on,
    query,
    stored,
    talk,
    texts,
    wait_until,
)

from session_lab.history.items import user_item
from session_lab.history.policies import MemoryPolicy
from session_lab.models.offline import OfflineModel
from session_lab.runs.compare import (
    EXAMPLES,
    Comparison,
    compare_policies,
    compare_sessions,
    create_examples,
)
from session_lab.runs.lab import Lab
from session_lab.store.catalog import MAX_ID_LENGTH
from session_lab.store.database import CatalogError
from session_lab.store.isolation import prove
from session_lab.store.seen import all_seen

EVERYTHING = MemoryPolicy()
LAST_ITEMS = MemoryPolicy("Last N items", 2)
QUESTION = "What is my name?"
ALICE = 'From item 1 of 3: "My name is Alice."'
USERS = ("user_123", "user_456")


@pytest.fixture
def db_path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
def make_lab(db_path: Path) -> Iterator[MakeLab]:
    with labs_on(db_path) as make:
        yield make


@pytest.fixture
def lab(make_lab: MakeLab) -> PageLab:
    lab = make_lab(OfflineModel())
    lab.wait_for(create_examples, lab.lab)
    return lab


def finish(comparison: Comparison) -> Comparison:
    for _ in comparison.follow(0.01):
        pass
    assert comparison.problem is None
    return comparison


def replies(comparison: Comparison) -> list[str]:
    return [side.live.reply for side in comparison.sides]


def ids(lab: PageLab) -> set[str]:
    return {info.session_id for info in lab.catalog.sessions()}


# -- two sessions ---------------------------------------------------------------------------


def test_each_session_answers_from_its_own_items(lab: PageLab, db_path: Path) -> None:
    comparison = finish(
        lab.wait_for(compare_sessions, lab.lab, USERS, QUESTION, "Assistant", EVERYTHING)
    )
    assert replies(comparison) == [ALICE, 'From item 1 of 3: "My name is Bob."']
    sent = [side.live.report.calls[0].input for side in comparison.sides if side.live.report]
    assert "Alice" in str(sent[0])
    assert "Alice" not in str(sent[1])
    assert texts(db_path, "user_123")[-2:] == [QUESTION, ALICE]
    for side in comparison.sides:
        assert side.added[0].id == side.question_row
        assert len(side.added) == 2


def test_both_run_at_the_same_time(make_lab: MakeLab) -> None:
    first, second = Gate("one"), Gate("two")
    lab = make_lab(ScriptedModel([ModelStep(responder=first), ModelStep(responder=second)]))
    lab.wait_for(create_examples, lab.lab)
    comparison = lab.wait_for(compare_sessions, lab.lab, USERS, QUESTION, "Assistant", EVERYTHING)
    wait_until(lambda: first.reached.is_set() and second.reached.is_set(), "both were asked")
    assert not comparison.is_done
    first.open()
    second.open()
    assert sorted(replies(finish(comparison))) == ["one", "two"]


def test_stop_ends_both(make_lab: MakeLab, db_path: Path) -> None:
    first, second = Gate("one"), Gate("two")
    lab = make_lab(ScriptedModel([ModelStep(responder=first), ModelStep(responder=second)]))
    lab.wait_for(create_examples, lab.lab)
    comparison = lab.wait_for(compare_sessions, lab.lab, USERS, QUESTION, "Assistant", EVERYTHING)
    wait_until(lambda: first.reached.is_set() and second.reached.is_set(), "both were asked")
    lab.stop(comparison)
    assert comparison.is_done
    for user in USERS:
        assert texts(db_path, user)[-1] == QUESTION
        assert lab.live(user) is None


def test_what_cannot_be_compared_is_refused(make_lab: MakeLab, db_path: Path) -> None:
    gate = Gate("late")
    lab = make_lab(ScriptedModel([ModelStep(responder=gate)]))
    lab.wait_for(create_examples, lab.lab)
    with pytest.raises(CatalogError, match="two different"):
        lab.wait_for(compare_sessions, lab.lab, ("s", "s"), QUESTION, "Assistant", EVERYTHING)
    with pytest.raises(CatalogError, match="does not exist"):
        lab.wait_for(
            compare_sessions, lab.lab, ("user_123", "gone"), QUESTION, "Assistant", EVERYTHING
        )
    live = lab.send("user_456", QUESTION, "Assistant", EVERYTHING)
    wait_until(gate.reached.is_set, "the model was asked")
    with pytest.raises(CatalogError, match="being written"):
        lab.wait_for(compare_sessions, lab.lab, USERS, QUESTION, "Assistant", EVERYTHING)
    lab.stop(live)
    assert len(stored(db_path, "user_123")) == 2, "nothing was sent to the first"


def test_the_examples_leave_what_exists(lab: PageLab, db_path: Path) -> None:
    ask(lab, "user_123", "Call me Al.")
    before = stored(db_path, "user_123")
    lab.wait_for(create_examples, lab.lab)
    assert stored(db_path, "user_123") == before
    assert [texts(db_path, user)[0] for user in USERS] == list(EXAMPLES.values())


# -- two policies ---------------------------------------------------------------------------


@pytest.fixture
def long(lab: PageLab) -> PageLab:
    lab.import_items("long", "", [user_item("My name is Alice."), *talk(3)])
    return lab


def compare(lab: PageLab, session_id: str) -> Comparison:
    policies = (EVERYTHING, LAST_ITEMS)
    return lab.wait_for(compare_policies, lab.lab, session_id, policies, QUESTION, "Assistant")


def test_two_policies_send_two_requests(long: PageLab, db_path: Path) -> None:
    before, version = stored(db_path, "long"), all_seen(long.catalog, "long").version
    comparison = finish(compare(long, "long"))
    first, second = (side.live.report for side in comparison.sides)
    assert first is not None
    assert second is not None
    assert [len(report.calls[0].input) for report in (first, second)] == [8, 3]
    assert replies(comparison)[0] == 'From item 1 of 8: "My name is Alice."'
    assert "Alice" not in replies(comparison)[1]
    assert stored(db_path, "long") == before
    assert comparison.before == version == all_seen(long.catalog, "long").version


def test_the_copies_are_named_and_removed(long: PageLab) -> None:
    known = ids(long)
    comparison = finish(compare(long, "long"))
    assert [side.session_id for side in comparison.sides] == ["long · copy A", "long · copy B"]
    assert ids(long) == known
    assert [len(side.added) for side in comparison.sides] == [2, 2], "still there to be shown"


def test_the_longest_session_id_can_be_copied(lab: PageLab) -> None:
    session_id = "x" * MAX_ID_LENGTH
    lab.create(session_id, "File")
    comparison = finish(compare(lab, session_id))
    assert all(len(side.session_id) <= MAX_ID_LENGTH for side in comparison.sides)


def test_a_session_with_unreadable_rows_can_be_copied(lab: PageLab, db_path: Path) -> None:
    insert(db_path, "user_123", "no JSON")
    assert replies(finish(compare(lab, "user_123")))[0] == ALICE


def test_a_copy_that_fails_leaves_none_behind(
    long: PageLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = ids(long)
    fork = Lab.fork

    async def only_once(self: Lab, source: str, new: str, *rest: Any) -> None:
        if new.endswith("B"):
            raise CatalogError("No more.")
        await fork(self, source, new, *rest)

    monkeypatch.setattr(Lab, "fork", only_once)
    with pytest.raises(CatalogError, match="No more"):
        compare(long, "long")
    assert ids(long) == known


def test_a_problem_after_the_replies_is_told(
    long: PageLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(self: Lab, session_id: str, seen: Any) -> None:
        raise CatalogError("The disk is full.")

    monkeypatch.setattr(Lab, "delete", fail)
    comparison = compare(long, "long")
    for _ in comparison.follow(0.01):
        pass
    assert comparison.problem == "The replies are there, but then: The disk is full."


# -- the proof ------------------------------------------------------------------------------


def test_the_rows_prove_the_isolation(lab: PageLab, db_path: Path) -> None:
    finish(lab.wait_for(compare_sessions, lab.lab, USERS, QUESTION, "Assistant", EVERYTHING))
    proof = prove(lab.catalog, *USERS, QUESTION)
    assert proof.shared_rows == 0
    assert [(each.text, each.said_in, each.found) for each in proof.searches] == [
        ("My name is Alice.", "user_123", []),
        ("My name is Bob.", "user_456", []),
    ]
    assert {row["session_id"] for row in proof.newest} == set(USERS)
    assert [row["id"] for row in proof.newest] == sorted(
        (row["id"] for row in proof.newest), reverse=True
    )


def test_the_queries_run_in_any_program(lab: PageLab, db_path: Path) -> None:
    odd = "It's \"Zoë\" :a, said O'Neil"
    lab.add_item("user_123", user_item(odd))
    proof = prove(lab.catalog, *USERS)
    assert query(db_path, proof.query) == [(0,)]
    search = next(each for each in proof.searches if each.text == odd)
    assert query(db_path, search.query) == []
    swapped = search.query.replace("'user_456'", "'user_123'")
    assert query(db_path, swapped) == [(search.row,)], "the search would find it"


def test_what_was_said_in_both_is_found(lab: PageLab, db_path: Path) -> None:
    lab.add_item("user_456", user_item("My name is Alice."))
    row = query(db_path, "SELECT max(id) FROM agent_messages")[0][0]
    proof = prove(lab.catalog, *USERS)
    assert [each.found for each in proof.searches if each.said_in == "user_123"] == [[row]]


def test_two_databases_share_no_row(lab: PageLab) -> None:
    lab.create("quick", "Memory")
    ask(lab, "quick", "My name is Carol.")
    proof = prove(lab.catalog, "user_123", "quick")
    assert proof.shared_rows is None
    assert not any(each.found for each in proof.searches)
    assert {row["session_id"] for row in proof.newest} == {"user_123", "quick"}
