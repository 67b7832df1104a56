"""Whatever is clicked, the rows, the marks, the reports and the script that is shown agree."""

import json
from pathlib import Path
from typing import Any

import pytest
from agents.testing import ScriptedModel, assistant_message, function_call
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lab_tools import MakeLab, PageLab, ask, insert, labels, pop, says, stored, undo
from openai.types.responses.response_reasoning_item import ResponseReasoningItem, Summary

from session_lab.code_view.actions import (
    AddItems,
    CreateSession,
    FoundItems,
    Reopen,
    RunTurn,
)
from session_lab.code_view.script import script
from session_lab.history.items import fingerprint, is_user_message, text_to_edit, user_item
from session_lab.history.policies import POLICY_KINDS, MemoryPolicy
from session_lab.history.summaries import Summarizer
from session_lab.runs.session_log import SessionLog, change_between
from session_lab.store.database import Row
from session_lab.store.seen import all_seen, unanswered

TEXTS = ["Hello", "Zoë 🙂", "\"\"\" ''' \\n \\", "line\r\nline", "\u202eabc", "{x} %s"]
RUNS = ["say", "tool", "no such tool", "silence", "fail", "retry"]
CHANGES = ["add", "pop", "undo", "clear", "edit"]
clicks = st.tuples(
    st.sampled_from([*RUNS, *CHANGES, "fork", "restart", "elsewhere"]),
    st.sampled_from(TEXTS),
    st.integers(0, 20),
    st.builds(MemoryPolicy, st.sampled_from(POLICY_KINDS), st.integers(1, 3)),
)


def outputs(name: str, text: str, number: int) -> list[Any]:
    """What the model answers, call by call."""
    reply = [assistant_message(text)]
    thought: Any = ResponseReasoningItem(
        id=f"rs_{number}", summary=[Summary(text="think", type="summary_text")], type="reasoning"
    )
    calls = [
        function_call("days_between", {"start_date": date, "end_date": "2026-01-03"}, call_id=call)
        for date, call in (("2026-01-01", f"{number}a"), ("no date", f"{number}b"))
    ]
    unknown = [function_call("no_such_tool", {}, call_id=str(number))]
    failure = RuntimeError('the "server" is\naway')
    made = {"tool": [[thought, *calls], reply], "no such tool": [unknown], "silence": [[], []]}
    return made.get(name, [failure] if name == "fail" else [reply])


class Visit:
    """One person's clicks in one session; each is checked against the rows."""

    def __init__(self, path: Path) -> None:
        self.path, self.session_id, self.lab = path, "s", PageLab(path, None)
        self.lab.lab.summarizer = Summarizer(says(*["summary"] * 99))
        self.lab.create("s", "File")

    def rows(self) -> list[Row]:
        return self.lab.catalog.database(self.session_id).rows(self.session_id)

    def click(self, name: str, text: str, number: int, policy: MemoryPolicy) -> None:
        before = self.rows()
        if name in RUNS:
            self.run(name, text, number, policy)
        elif name in CHANGES and (before or name == "add"):
            self.change(name, text, before[number % len(before)] if before else None)
        elif name == "fork":
            source, self.session_id = self.session_id, self.session_id + "'"
            self.lab.fork(source, self.session_id, number, "File")
        elif name == "restart":
            assert self.lab.restart() == []
        elif name == "elsewhere":
            insert(self.path, self.session_id, json.dumps(user_item(text)))
        if name in (*RUNS, *CHANGES) and self.rows() != before:
            assert self.lab.log(self.session_id).change == change_between(before, self.rows())
        seen = all_seen(self.lab.catalog, self.session_id)
        assert seen.items == stored(self.path, self.session_id)
        assert self.lab.catalog.info(self.session_id) is not None, "an empty session is listed"
        labels(self.lab, self.session_id)

    def run(self, name: str, text: str, number: int, policy: MemoryPolicy) -> None:
        asked = None if name == "retry" else text
        stale = asked is None and unanswered(self.lab.catalog, self.session_id) is None
        self.lab.lab.model = model = ScriptedModel(outputs(name, text, number))
        shown = self.lab.outlook(self.session_id, "Assistant", policy).call
        report = ask(self.lab, self.session_id, asked, policy).report
        assert report is not None and report is self.lab.log(self.session_id).report
        assert [call.input for call in report.calls] == [call.input for call in model.calls]
        if stale:
            assert model.calls == () and "nothing was sent" in str(report.error)
            return
        if asked is not None and policy.kind != "Summary":
            assert shown.input[:-1] == report.calls[0].input[:-1]
            assert shown.sent() == report.calls[0].sent()
        items = {row.id: row.item for row in self.rows()}
        for call in report.calls:
            at = call.sent() | call.own
            sent = {row: fingerprint(call.input[place - 1]) for row, place in at.items()}
            assert sent == {row: fingerprint(items[row]) for row in at}
            assert {*call.own} <= {*report.stored}
            assert asked is None or not report.stored or report.stored[0] in call.own
        questions = [items[row] for row in report.stored if is_user_message(items[row])]
        assert questions == ([] if asked is None else [user_item(text)])
        assert (report.error is None) == (name not in ("fail", "no such tool"))
        kept = self.lab.catalog.database(self.session_id).reports(self.session_id)
        labelled = report.stored in [each.stored for each in kept]
        assert labelled == (report.error is None and bool(report.stored))
        assert self.lab.log(self.session_id).change.added == set(report.stored)

    def change(self, name: str, text: str, row: Row | None) -> None:
        if name == "add":
            self.lab.add_item(self.session_id, user_item(text))
        elif name == "clear":
            self.lab.clear(self.session_id, all_seen(self.lab.catalog, self.session_id).version)
        elif name in ("pop", "undo"):
            {"pop": pop, "undo": undo}[name](self.lab, self.session_id)
        elif row is not None and text_to_edit(row.item) not in (None, text):
            self.lab.edit_item(self.session_id, row, text)
        else:
            return
        assert self.lab.log(self.session_id).report is None, "it tells of what is no longer there"


@settings(max_examples=12)
@given(st.lists(clicks, max_size=12))
@example([(name, "Zoë 🙂", 2, MemoryPolicy()) for name in [*RUNS, "fork", *CHANGES, "restart"]])
@example([(name, "Hi", 1, MemoryPolicy()) for name in ["say", "elsewhere", "say", "edit", "undo"]])
def test_random_clicks_are_marked_reported_and_reproduced(
    tmp_path_factory: pytest.TempPathFactory, chosen: list[Any]
) -> None:
    path = tmp_path_factory.mktemp("any") / "sessions.db"
    visit = Visit(path)
    for click in chosen:
        visit.click(*click)
    code, items = script(visit.lab.actions(visit.session_id)), stored(path, visit.session_id)
    visit.lab.close()
    assert "session_lab" not in code, "it runs in any folder"
    rebuilt = path.with_name("rebuilt.db")
    for _ in range(2):  # A second run adds nothing.
        exec(code.replace('"session.db"', repr(str(rebuilt))), {})
        assert stored(rebuilt, visit.session_id) == items


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
    assert lab.log("s") == SessionLog()
    assert lab.restart() == [] and lab.actions("s") == ()
    lab.add_item("s", user_item("after"))
    assert [type(action) for action in lab.actions("s")] == [CreateSession, FoundItems, AddItems]
    lab.restart()
    assert isinstance(lab.actions("s")[-1], Reopen) and "before" in script(lab.actions("s"))


def test_a_restart_loses_memory_sessions_and_nothing_else(make: MakeLab) -> None:
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
