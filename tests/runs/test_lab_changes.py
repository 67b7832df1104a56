"""Changes in the lab: what was confirmed is what goes, and every row that changed is marked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lab_tools import (
    EVERYTHING,
    MakeLab,
    PageLab,
    add,
    ask,
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
    texts,
    undo,
)
from policy_tools import call, output

from session_lab.code_view.actions import EditItem, Fork
from session_lab.history.items import assistant_item, kind, text_of, user_item
from session_lab.runs.session_log import Change
from session_lab.store.database import CatalogError
from session_lab.store.seen import WINDOW, Seen, all_seen, last_item, last_turn, unanswered

CALL, OUTPUT = call("c1"), output("c1", "2 days")


def fill(lab: PageLab, items: list[Any]) -> None:
    """As another program would: the lab does not know of it."""
    add(lab.catalog, "s", items)


def test_edit_changes_one_row_and_labels_stay_with_what_agents_wrote(
    make: MakeLab, path: Path
) -> None:
    lab = make(says("one", "two", "three"))
    for text, agent in (("a", "Assistant"), ("b", "Sales"), ("c", "Support")):
        finish(lab.send("s", text, agent, EVERYTHING))
    before = stored(path, "s")
    lab.edit_item("s", row_at(lab, "s", 2), "B")
    assert stored(path, "s") == [*before[:2], user_item("B"), *before[3:]]
    assert labels(lab) == {"a": "Assistant", "B": "Sales", "c": "Support"}
    data = [row.data for row in lab.catalog.database("s").rows("s")]
    lab.edit_item("s", row_at(lab, "s", 5), "three")
    assert [row.data for row in lab.catalog.database("s").rows("s")] == data
    assert labels(lab)["c"] == "Support", "what was saved as it was is still the agent's"
    lab.edit_item("s", row_at(lab, "s", 5), "THREE")
    assert texts(path)[-1] == "THREE" and kind(stored(path, "s")[-1]) == "assistant"
    assert labels(lab) == {"a": "Assistant", "B": "Sales"}, "nobody's agent wrote THREE"


def test_what_cannot_be_changed_is_said_and_left_alone(make: MakeLab) -> None:
    lab = make(says())
    with pytest.raises(CatalogError, match="nothing to remove"):
        undo(lab)
    fill(lab, [user_item("a"), CALL])
    shown = row_at(lab, "s", 0)
    with pytest.raises(CatalogError, match="no text to edit"):
        lab.edit_item("s", row_at(lab, "s", 1), "new")
    lab.edit_item("s", shown, "A")
    with pytest.raises(CatalogError, match="has changed"):
        lab.edit_item("s", shown, "what another tab still shows")
    assert all_seen(lab.catalog, "s").items == [user_item("A"), CALL]


def test_rows_that_hold_no_json_do_not_shift_what_is_meant(make: MakeLab, path: Path) -> None:
    """A page counts rows; the SDK's `get_items` skips some of them, and `pop_item` drops them."""
    lab = make(says())
    insert(path, "s", "not JSON")
    fill(lab, talk(1))
    insert(path, "s", "nor this")
    fill(lab, [user_item("anyone?")])
    insert(path, "s", "nor that")
    assert all_seen(lab.catalog, "s").items == [*talk(1), user_item("anyone?")]
    lab.edit_item("s", row_at(lab, "s", 2), "edited")
    assert lab.actions("s")[-1] == EditItem(2, [assistant_item("edited")])
    lab.fork("s", "copy", 2, "File")
    assert stored(path, "copy") == talk(1)[:1]
    assert lab.actions("copy")[-1] == Fork("s", "copy", talk(1)[:1])
    for seen in (last_turn, last_item, unanswered):
        found = seen(lab.catalog, "s")
        assert found.version == all_seen(lab.catalog, "s").version
        assert (found.items, found.unreadable) == ([user_item("anyone?")], 1)
    undo(lab)
    rows = lab.catalog.database("s").rows("s")
    assert [text_of(row.item) if row.is_item else row.data for row in rows] == [
        *("not JSON", "question 0", "edited", "nor this"),
    ]
    assert unanswered(lab.catalog, "s") is None


# -- what was confirmed, or nothing ---------------------------------------------------------

CHANGES: dict[str, Callable[[PageLab, Seen], None]] = {
    "undo": lambda lab, seen: lab.remove("s", Seen(seen.version, seen.rows[-4:]), True),
    "pop": lambda lab, seen: lab.remove("s", Seen(seen.version, seen.rows[-1:]), False),
    "clear": lambda lab, seen: lab.clear("s", seen.version),
    "delete": lambda lab, seen: lab.delete("s", seen.version),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("meanwhile", ["added", "removed", "replaced", "rewritten"])
def test_nothing_goes_if_the_session_changed_since(
    make: MakeLab, path: Path, change: str, meanwhile: str
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
    if meanwhile == "rewritten" and change in ("clear", "delete"):
        CHANGES[change](lab, seen)  # All of it was to go, whatever it says.
        assert stored(path, "s") == []
        return
    with pytest.raises(CatalogError, match="has changed since you looked"):
        CHANGES[change](lab, seen)
    assert stored(path, "s") == now
    assert lab.log("s").change.removed == ()


def test_a_copy_or_an_import_never_writes_into_a_session_that_exists(
    make: MakeLab, path: Path
) -> None:
    lab = make(says("fine"))
    fill(lab, talk(1))
    for new_id, problem in (("s", "exists"), ("a\nb", "invisible"), ("\ud83d", "invisible")):
        with pytest.raises(CatalogError, match=problem):
            lab.import_items(new_id, "title", talk(1))
        with pytest.raises(CatalogError, match=problem):
            lab.fork("s", new_id, 1, "File")
    assert stored(path, "s") == talk(1) and lab.catalog.count() == 1
    ask(lab, "s", "How are you?")
    assert texts(path)[-1] == "fine", "the session is free"


# -- long sessions --------------------------------------------------------------------------


def test_a_change_marks_exactly_its_rows(make: MakeLab, path: Path) -> None:
    lab, count = make(says()), 2 * WINDOW + 1
    lab.import_items("i", "Imported", [user_item(str(number)) for number in range(count)])
    ids = row_ids(lab, "i")
    assert lab.log("i").change == Change(added=frozenset(ids)) and len(stored(path, "i")) == count
    lab.add_item("i", user_item("one more"))
    ids = row_ids(lab, "i")
    assert lab.log("i").change == Change(added=frozenset(ids[-1:]))
    lab.edit_item("i", row_at(lab, "i", 0), "edited")
    assert lab.log("i").change == Change(edited=frozenset(ids[:1])) and row_ids(lab, "i") == ids
    lab.clear("i", all_seen(lab.catalog, "i").version)
    assert [row.id for row in lab.log("i").change.removed] == ids and stored(path, "i") == []
    assert lab.catalog.existing("i").title == "Imported"


def test_the_unanswered_question_of_a_long_turn_is_found(make: MakeLab) -> None:
    lab = make(says())
    turn = [user_item("start"), *([CALL, OUTPUT] * (WINDOW // 2 + 1))]
    fill(lab, [*talk(1), *turn])
    question = unanswered(lab.catalog, "s")
    assert question is not None and question.items == turn
