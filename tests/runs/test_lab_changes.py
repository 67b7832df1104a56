"""Changes in the lab: what was confirmed is what goes, and every row that changed is marked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from agents.testing import ScriptedModel, assistant_message
from lab_tools import (
    EVERYTHING,
    MakeLab,
    PageLab,
    ask,
    asks_for_days,
    finish,
    insert,
    labels,
    pop,
    query,
    row_at,
    row_ids,
    says,
    stored,
    talk,
    undo,
)

from session_lab.code_view.actions import Fork
from session_lab.history.items import assistant_item, kind, text_of, user_item
from session_lab.history.report import WINDOW
from session_lab.history.turns import SessionChanged
from session_lab.runs.session_log import Change
from session_lab.store.database import CatalogError
from session_lab.store.seen import Seen, all_seen, last_item, last_turn, unanswered

CALL = {"type": "function_call", "call_id": "c1", "name": "days_between", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "2 days"}


def fill(lab: PageLab, items: list[Any], session_id: str = "s") -> None:
    """As another program would: the lab does not know of it."""
    lab.wait_for(lab.catalog.open(session_id).add_items, items)


# -- what goes ------------------------------------------------------------------------------


def test_undo_takes_the_tool_items_along(make: MakeLab, path: Path) -> None:
    model = ScriptedModel(
        [[assistant_message("one")], asks_for_days(), [assistant_message("Two days.")]]
    )
    lab = make(model)
    ask(lab, "s", "first")
    ask(lab, "s", "How long?")
    confirmed = last_turn(lab.catalog, "s")
    assert list(map(kind, confirmed.items)) == ["user", "tool call", "tool output", "assistant"]
    ids = row_ids(lab)
    lab.remove("s", confirmed, whole_turn=True)
    assert list(map(text_of, stored(path, "s"))) == ["first", "one"]
    assert lab.change("s").added == frozenset()
    assert [row.id for row in lab.change("s").removed] == ids[2:]
    assert labels(lab) == {"first": "Assistant"}
    undo(lab)
    assert stored(path, "s") == [] and labels(lab) == {}
    with pytest.raises(CatalogError, match="nothing to remove"):
        undo(lab)
    assert lab.catalog.info("s") is not None, "an empty session is still listed"


def test_pop_removes_one_item_and_the_label_goes_with_its_question(
    make: MakeLab, path: Path
) -> None:
    lab = make(says("one", "two"))
    ask(lab, "s", "a")
    ask(lab, "s", "b")
    pop(lab)
    assert list(map(text_of, stored(path, "s"))) == ["a", "one", "b"]
    assert [text_of(row.item) for row in lab.change("s").removed] == ["two"]
    pop(lab)
    assert labels(lab) == {"a": "Assistant"}


def test_clear_empties_the_session_and_keeps_it(make: MakeLab, path: Path) -> None:
    lab = make(says("one"))
    ask(lab, "s", "a")
    lab.catalog.rename("s", "My title")
    lab.clear("s", all_seen(lab.catalog, "s").version)
    assert stored(path, "s") == [] and labels(lab) == {}
    assert lab.catalog.existing("s").title == "My title"
    assert len(lab.change("s").removed) == 2


def test_edit_changes_one_message_and_labels_move_along(make: MakeLab, path: Path) -> None:
    lab = make(says("one", "two", "three"))
    for text, agent in (("a", "Assistant"), ("b", "Sales"), ("c", "Support")):
        finish(lab.send("s", text, agent, EVERYTHING))  # type: ignore[arg-type]
    before = stored(path, "s")
    lab.edit_item("s", row_at(lab, "s", 2), "B")
    after = stored(path, "s")
    assert list(map(text_of, after)) == ["a", "one", "B", "two", "c", "three"]
    assert [item for item in after if text_of(item) != "B"] == before[:2] + before[3:]
    assert labels(lab) == {"a": "Assistant", "B": "Sales", "c": "Support"}
    data = [row.data for row in lab.catalog.database("s").rows("s")]
    lab.edit_item("s", row_at(lab, "s", 5), "three")
    assert [row.data for row in lab.catalog.database("s").rows("s")] == data
    assert labels(lab)["c"] == "Support", "what was saved as it was is still the agent's"
    lab.edit_item("s", row_at(lab, "s", 5), "THREE")
    assert labels(lab) == {"a": "Assistant", "B": "Sales"}, "nobody's agent wrote THREE"
    assert text_of(stored(path, "s")[-1]) == "THREE"
    assert stored(path, "s")[-1]["role"] == "assistant"


def test_what_cannot_be_edited_is_said_and_left_alone(make: MakeLab, path: Path) -> None:
    lab = make(says())
    fill(lab, [user_item("a"), CALL, OUTPUT])
    insert(path, "s", "not JSON")
    fill(lab, [assistant_item("b")])
    ids = row_ids(lab)
    for index in (1, 3):
        with pytest.raises(CatalogError, match="no text to edit"):
            lab.edit_item("s", row_at(lab, "s", index), "new")
    shown = row_at(lab, "s", 0)
    lab.edit_item("s", shown, "A")
    with pytest.raises(CatalogError, match="has changed"):
        lab.edit_item("s", shown, "what another tab still shows")
    assert row_ids(lab) == ids
    rows = lab.catalog.database("s").rows("s")
    assert rows[3].data == "not JSON" and text_of(rows[0].item) == "A"


def test_rows_that_hold_no_json_do_not_shift_what_is_meant(make: MakeLab, path: Path) -> None:
    """A page counts rows; the SDK's `get_items` skips some of them."""
    lab = make(says())
    insert(path, "s", "not JSON")
    fill(lab, talk(2))
    assert list(map(text_of, all_seen(lab.catalog, "s", 2).items)) == [
        "answer 0",
        "question 1",
        "answer 1",
    ]
    lab.edit_item("s", row_at(lab, "s", 3), "edited")
    lab.fork("s", "copy", 2, "File")
    assert list(map(text_of, stored(path, "copy"))) == ["question 0"]
    assert lab.actions("copy")[-1] == Fork("s", "copy", stored(path, "copy"))
    rows = lab.catalog.database("s").rows("s")
    assert [row.is_item for row in rows] == [False, True, True, True, True]
    assert text_of(rows[3].item) == "edited"


# -- what was confirmed, or nothing ---------------------------------------------------------

CHANGES: dict[str, Callable[[PageLab, Seen], None]] = {
    "undo": lambda lab, seen: lab.remove("s", Seen(seen.version, seen.items[-4:]), True),
    "pop": lambda lab, seen: lab.remove("s", Seen(seen.version, seen.items[-1:]), False),
    "clear": lambda lab, seen: lab.clear("s", seen.version),
    "delete": lambda lab, seen: lab.delete("s", seen.version),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("meanwhile", ["added", "removed", "replaced", "rewritten"])
def test_nothing_goes_if_the_session_changed_since(
    make: MakeLab, path: Path, change: Callable[[PageLab, Seen], None], meanwhile: str
) -> None:
    lab, other = make(says()), make(says())
    fill(lab, [*talk(1), user_item("How long?"), CALL, OUTPUT, assistant_item("Two days.")])
    seen = all_seen(lab.catalog, "s")
    if meanwhile == "added":
        other.add_item("s", user_item("from another tab"))
    elif meanwhile == "rewritten":
        query(path, "UPDATE agent_messages SET message_data = replace(message_data, 'Two', '2')")
    else:
        pop(other)
        if meanwhile == "replaced":
            other.add_item("s", assistant_item("Two days."))
    now = stored(path, "s")
    if meanwhile == "rewritten" and change in (CHANGES["clear"], CHANGES["delete"]):
        change(lab, seen)  # All of it was to go, whatever it says.
        return
    with pytest.raises((CatalogError, SessionChanged), match="has changed since you looked"):
        change(lab, seen)
    assert stored(path, "s") == now
    assert lab.change("s").removed == ()


def test_what_was_confirmed_goes_after_a_look_at_the_news(make: MakeLab, path: Path) -> None:
    lab, other = make(says()), make(says())
    fill(lab, talk(2))
    seen = last_turn(lab.catalog, "s")
    other.add_item("s", user_item("new"))
    with pytest.raises(CatalogError):
        lab.remove("s", seen, whole_turn=True)
    undo(lab)
    assert stored(path, "s") == talk(2)


# -- what is marked -------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 199, 200, 201, 450])
def test_a_change_marks_exactly_its_rows(make: MakeLab, path: Path, count: int) -> None:
    lab = make(says())
    items = [user_item(str(number)) for number in range(count)]
    lab.import_items("i", "Imported", items)
    assert lab.change("i").added == set(row_ids(lab, "i")) and lab.change("i").removed == ()
    assert len(lab.change("i").added) == count == len(stored(path, "i"))
    lab.add_item("i", user_item("one more"))
    assert lab.change("i").added == {row_ids(lab, "i")[-1]}
    ids = row_ids(lab, "i")
    lab.edit_item("i", row_at(lab, "i", count - 1), "edited")
    assert lab.change("i") == Change(edited=frozenset({ids[-2]}))
    assert row_ids(lab, "i") == ids
    lab.clear("i", all_seen(lab.catalog, "i").version)
    assert [row.id for row in lab.change("i").removed] == ids
    assert lab.change("i").added == frozenset()


def test_a_fork_onto_its_own_id_is_refused_and_the_session_goes_on(make: MakeLab) -> None:
    lab = make(says("fine"))
    fill(lab, talk(1))
    with pytest.raises(CatalogError, match="exists"):
        lab.fork("s", "s", 1, "File")
    finish(lab.send("s", "How are you?", "Assistant", EVERYTHING))
    assert all_seen(lab.catalog, "s").version.item_count == 4


def test_a_reply_added_by_hand_is_not_labelled_as_the_agents(make: MakeLab) -> None:
    lab = make(says("mine"))
    finish(lab.send("s", "hi", "Sales", EVERYTHING))
    lab.add_item("s", assistant_item("by hand"))
    [report] = lab.catalog.database("s").reports("s")
    assert report.stored == row_ids(lab)[:2] and len(row_ids(lab)) == 3


def test_unreadable_rows_that_will_go_are_counted(make: MakeLab, path: Path) -> None:
    lab = make(says())
    fill(lab, talk(1))
    insert(path, "s", "not JSON")
    fill(lab, [user_item("anyone?")])
    insert(path, "s", "nor this")
    assert last_turn(lab.catalog, "s").unreadable == last_item(lab.catalog, "s").unreadable == 1
    question = unanswered(lab.catalog, "s")
    assert question is not None and question.items == [user_item("anyone?")]
    lab.remove("s", question, whole_turn=True)
    assert [row.is_item for row in lab.catalog.database("s").rows("s")] == [True, True, False]
    assert unanswered(lab.catalog, "s") is None


def test_the_unanswered_question_of_a_long_turn_is_found(make: MakeLab) -> None:
    lab = make(says())
    turn = [user_item("start"), *([CALL, OUTPUT] * (WINDOW // 2 + 1))]
    fill(lab, [*talk(1), *turn])
    question = unanswered(lab.catalog, "s")
    assert question is not None and question.items == turn


def test_import_never_writes_into_a_session_that_exists(make: MakeLab, path: Path) -> None:
    lab = make(says())
    for session_id, problem in (("s", "exists"), ("a\nb", "invisible"), ("\ud83d", "invisible")):
        with pytest.raises(CatalogError, match=problem):
            lab.import_items(session_id, "title", talk(1))
    assert stored(path, "s") == [] and lab.catalog.count() == 1
