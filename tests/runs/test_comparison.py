"""One message to two sessions, or to two copies of one: both at once, and what is left of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from agents.testing import ModelStep, ScriptedModel
from lab_tools import EVERYTHING, Gate, MakeLab, PageLab, ask, insert, query, stored, talk, texts

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

QUESTION = "What is my name?"
USERS = ("user_123", "user_456")


@pytest.fixture
def lab(make: MakeLab) -> PageLab:
    lab = make(OfflineModel())
    lab.wait_for(create_examples, lab.lab)
    return lab


def start_two(lab: PageLab, users: tuple[str, str] = USERS) -> Comparison:
    return lab.wait_for(compare_sessions, lab.lab, users, QUESTION, "Assistant", EVERYTHING)


def copy_two(lab: PageLab, session_id: str) -> Comparison:
    policies = (EVERYTHING, MemoryPolicy("Last N items", 2))
    return lab.wait_for(compare_policies, lab.lab, session_id, policies, QUESTION, "Assistant")


def ids(lab: PageLab) -> set[str]:
    return {info.session_id for info in lab.catalog.sessions()}


# -- two sessions ---------------------------------------------------------------------------


def test_both_run_at_the_same_time_and_stop_ends_both(make: MakeLab, path: Path) -> None:
    gates = [Gate("one"), Gate("two"), Gate("never"), Gate("never")]
    lab = make(ScriptedModel([ModelStep(responder=gate) for gate in gates]))
    lab.wait_for(create_examples, lab.lab)
    comparison = start_two(lab)
    assert all(gate.reached.wait(10) for gate in gates[:2]), "both were asked"
    assert not comparison.is_done
    for gate in gates[:2]:
        gate.open()
    assert comparison.wait(10) and comparison.problem is None
    assert {texts(path, user)[-1] for user in USERS} == {"one", "two"}
    for side in comparison.sides:
        assert [row.item for row in side.added] == stored(path, side.session_id)[2:]
        assert side.question_row == side.added[0].id
    again = start_two(lab)
    assert all(gate.reached.wait(10) for gate in gates[2:]), "both were asked"
    lab.stop(again)
    assert again.is_done
    for user in USERS:
        assert texts(path, user)[-1] == QUESTION and lab.live(user) is None


def test_what_cannot_be_compared_is_refused_and_nothing_is_sent(
    make: MakeLab, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate("late")
    model = ScriptedModel([ModelStep(responder=gate)])
    lab = make(model)
    lab.wait_for(create_examples, lab.lab)
    with pytest.raises(CatalogError, match="not exist"):
        start_two(lab, ("user_123", "gone"))
    live = lab.send("user_456", QUESTION, "Assistant", EVERYTHING)
    assert gate.reached.wait(10)
    with pytest.raises(CatalogError, match="being written"):
        start_two(lab)
    assert lab.log("user_123").live is None, "the other was not begun either"
    # Another tab sends in the moment after the look: the first of the two is stopped.
    monkeypatch.setattr(lab.lab, "live", lambda _: None)
    send, sent = Lab.send, []

    async def refuse_second(self: Lab, *args: Any) -> Any:
        if sent:
            raise CatalogError("A reply is being written.")
        sent.append(await send(self, *args))
        return sent[0]

    monkeypatch.setattr(Lab, "send", refuse_second)
    with pytest.raises(CatalogError, match="being written"):
        start_two(lab)
    assert sent[0].is_done and sent[0].is_stopped
    lab.stop(live)
    assert texts(path, "user_456")[2:] == [QUESTION]


def test_the_examples_leave_what_exists(lab: PageLab, path: Path) -> None:
    ask(lab, "user_123", "Call me Al.")
    before = stored(path, "user_123")
    lab.wait_for(create_examples, lab.lab)
    assert stored(path, "user_123") == before
    assert [texts(path, user)[0] for user in USERS] == list(EXAMPLES.values())


# -- two policies ---------------------------------------------------------------------------


@pytest.mark.parametrize("session_id", ["long", "x" * MAX_ID_LENGTH], ids=len)
def test_two_policies_send_two_requests_and_leave_the_session_as_it_was(
    lab: PageLab, path: Path, session_id: str
) -> None:
    lab.import_items(session_id, "", [user_item("My name is Alice."), *talk(3)])
    insert(path, session_id, "not JSON")
    before, known = lab.catalog.database(session_id).rows(session_id), ids(lab)
    comparison = copy_two(lab, session_id)
    assert comparison.wait(10) and comparison.problem is None
    reports = [side.report for side in comparison.sides]
    assert [len(each.calls[0].input) for each in reports if each] == [8, 3]
    first, second = (side.reply for side in comparison.sides)
    assert first == 'From item 1 of 8: "My name is Alice."' and "Alice" not in second
    assert lab.catalog.database(session_id).rows(session_id) == before
    assert comparison.before == all_seen(lab.catalog, session_id).version
    assert ids(lab) == known, "the copies are gone"
    assert [len(side.added) for side in comparison.sides] == [2, 2], "still there to be shown"
    names = [side.session_id for side in comparison.sides]
    assert names == [f"{session_id[:112]} · copy {letter}" for letter in "AB"]


def test_a_copy_that_fails_leaves_none_behind(
    lab: PageLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, fork = ids(lab), Lab.fork

    async def only_once(self: Lab, source: str, new: str, *rest: Any) -> None:
        if new.endswith("B"):
            raise CatalogError("No more.")
        await fork(self, source, new, *rest)

    monkeypatch.setattr(Lab, "fork", only_once)
    with pytest.raises(CatalogError, match="No more"):
        copy_two(lab, "user_123")
    assert ids(lab) == known


def test_a_problem_after_the_replies_is_told(lab: PageLab, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(self: Lab, session_id: str) -> None:
        raise CatalogError("The disk is full.")

    monkeypatch.setattr(Lab, "delete", fail)
    comparison = copy_two(lab, "user_123")
    assert comparison.wait(10)
    assert comparison.problem == "The replies are there, but then: The disk is full."


# -- the proof ------------------------------------------------------------------------------


def test_the_rows_prove_what_is_shared_in_any_program(lab: PageLab, path: Path) -> None:
    odd = "It's \"Zoë\" :a, said O'Neil"
    for text in (odd, "asked of both"):
        lab.add_item("user_123", user_item(text))
    lab.add_item("user_456", user_item("My name is Alice."))
    both = query(path, "SELECT max(id) FROM agent_messages")[0][0]
    proof = prove(lab.catalog, *USERS, "asked of both")
    assert proof.shared_rows == 0 and query(path, proof.query) == [(0,)]
    assert {each.text: each.found for each in proof.searches if each.said_in == "user_123"} == {
        odd: [],
        "My name is Alice.": [both],
    }
    assert [row["id"] for row in proof.newest] == list(range(both, 0, -1))
    search = next(each for each in proof.searches if each.text == odd)
    assert query(path, search.query) == []
    swapped = search.query.replace("'user_456'", "'user_123'")
    assert query(path, swapped) == [(search.row,)], "the search would find it"


def test_two_databases_share_no_row(lab: PageLab) -> None:
    lab.create("quick", "Memory")
    ask(lab, "quick", "My name is Carol.")
    proof = prove(lab.catalog, "user_123", "quick")
    assert proof.shared_rows is None
    assert not any(each.found for each in proof.searches)
    assert {row["session_id"] for row in proof.newest} == {"user_123", "quick"}
