"""What was done is known, restarts included, and the rows and marks agree after any of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from agents.testing import ScriptedModel, assistant_message
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lab_tools import (
    MakeLab,
    PageLab,
    ask,
    insert,
    labels,
    pop,
    row_at,
    row_ids,
    says,
    stored,
    undo,
)

from session_lab.code_view.actions import AddItems, CreateSession, FoundItems, Reopen, RunTurn
from session_lab.code_view.script import script
from session_lab.history.items import user_item
from session_lab.store.seen import all_seen


def test_what_another_program_did_is_part_of_the_script(make: MakeLab, path: Path) -> None:
    lab, other = make(says("reply")), make(says())
    assert lab.actions("s") == (CreateSession("s"),)
    other.add_item("s", user_item("from outside"))
    assert lab.actions("s")[1:] == (FoundItems([user_item("from outside")]),)
    ask(lab, "s", "hi")
    lab.add_item("s", user_item("mine"))
    assert [type(action) for action in lab.actions("s")[2:]] == [RunTurn, AddItems]
    pop(other)
    assert lab.actions("s")[-1] == FoundItems(stored(path, "s"))
    assert len(lab.actions("s")) == 5, "noted once"


def test_a_session_that_was_only_looked_at_has_no_action_to_show(make: MakeLab) -> None:
    first = make(says())
    first.add_item("s", user_item("before"))
    first.close()
    lab = make(says())
    assert lab.report("s") is None and lab.change("s").removed == () and lab.live("s") is None
    assert lab.restart() == [] and lab.actions("s") == ()
    lab.add_item("s", user_item("after"))
    assert [type(action) for action in lab.actions("s")] == [CreateSession, FoundItems, AddItems]
    lab.restart()
    assert isinstance(lab.actions("s")[-1], Reopen)
    assert "before" in script(lab.actions("s"))


def test_a_restart_loses_memory_sessions_and_nothing_else(make: MakeLab, path: Path) -> None:
    lab = make(says("one", "two"))
    lab.create("m", "Memory")
    ask(lab, "m", "secret")
    ask(lab, "s", "kept")
    lab.fork("m", "n", 2, "Memory")
    assert labels(lab, "n") == {"secret": "Assistant"}
    assert sorted(lab.restart()) == ["m", "n"]
    assert [info.session_id for info in lab.catalog.sessions()] == ["s"]
    assert lab.actions("m") == () and labels(lab) == {"kept": "Assistant"}
    assert lab.create("m", "Memory") and all_seen(lab.catalog, "m").items == []


steps = st.sampled_from(["add", "pop", "undo", "clear", "edit", "say", "fail", "elsewhere"])


@settings(max_examples=8, deadline=None)
@given(st.lists(steps, max_size=8))
@example(["say", "elsewhere", "say", "edit", "undo", "fail", "pop"])
def test_whatever_is_done_rows_marks_and_script_agree(
    tmp_path_factory: pytest.TempPathFactory, chosen: list[str]
) -> None:
    path = tmp_path_factory.mktemp("any") / "sessions.db"
    lab = PageLab(path, None)
    lab.create("s", "File")
    for number, step in enumerate(chosen):
        before = set(row_ids(lab))
        if step == "elsewhere":
            insert(path, "s", json.dumps(user_item(f"from elsewhere {number}")))
            continue
        outcome: Any = ValueError("down") if step == "fail" else [assistant_message("reply")]
        lab.lab.model = ScriptedModel([outcome])
        if step in ("say", "fail"):
            ask(lab, "s", f"text {number}")
        elif step == "add":
            lab.add_item("s", user_item(f"added {number}"))
        elif before:
            seen = all_seen(lab.catalog, "s")
            {"pop": pop, "undo": undo}.get(step, lambda lab: None)(lab)
            if step == "edit":
                lab.edit_item("s", row_at(lab, "s", len(seen.items) // 2), "edited")
            elif step == "clear":
                lab.clear("s", seen.version)
        else:
            continue
        assert lab.change("s").added == set(row_ids(lab)) - before
        assert {row.id for row in lab.change("s").removed} == before - set(row_ids(lab))
        assert all_seen(lab.catalog, "s").items == stored(path, "s")
        labels(lab)
    code, items = script(lab.actions("s")), all_seen(lab.catalog, "s").items
    lab.close()
    rebuilt = path.with_name("rebuilt.db")
    exec(code.replace('"session.db"', repr(str(rebuilt))), {})
    assert stored(rebuilt, "s") == items


def test_a_report_does_not_stay_when_its_turn_is_changed(make: MakeLab) -> None:
    lab = make(says("Noted."))
    ask(lab, "s", "My name is Ada.")
    assert lab.report("s") is not None
    pop(lab)
    assert lab.report("s") is None
