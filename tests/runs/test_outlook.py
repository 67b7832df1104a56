"""What is shown of the next message is what the next request then is."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab_tools import EVERYTHING, MakeLab, ask, insert, says, talk
from policy_tools import call, tool_turn

from session_lab.history.items import user_item
from session_lab.history.policies import MemoryPolicy
from session_lab.models.offline import OfflineModel, estimate_tokens

SAID = "Thanks for that."
LAST_6, TURN = MemoryPolicy("Last N items", 6), MemoryPolicy("Last N turns", 1)


POLICIES = [EVERYTHING, LAST_6, TURN, MemoryPolicy("Summary", 2)]
CASES = [*((count, policy) for count in (0, 1, 9, 200) for policy in POLICIES)]
CASES += [(1_004, EVERYTHING), (1_004, POLICIES[-1]), (10_000, LAST_6)]


@pytest.mark.parametrize(("count", "policy"), CASES, ids=str)
def test_items_and_tokens_are_those_of_the_next_request(
    make: MakeLab, count: int, policy: MemoryPolicy
) -> None:
    lab = make(OfflineModel())
    items = [*talk(count), *tool_turn(1)][: count + (count > 9)]
    lab.import_items("long", "Long", items) if items else lab.create("long", "File")
    if policy.kind == "Summary":  # Until it is written, its length is a guess.
        before = lab.outlook("long", "Assistant", policy)
        assert before.sentence().endswith("once it is written.") == (count >= 9)
        ask(lab, "long", "Write it.", policy)
    outlook = lab.outlook("long", "Assistant", policy)
    assert len(outlook.cells) == lab.catalog.info("long").item_count
    if policy == LAST_6:
        assert outlook.sent == min(6, len(items))
    if policy == EVERYTHING:
        assert outlook.sent == len(items) and outlook.tokens_sent == outlook.tokens_stored
    report = ask(lab, "long", SAID, policy).report
    [request] = report.calls
    start = 2 if outlook.has_summary else 0  # The pair with the summary.
    assert request.input[start:-1] == outlook.call.input[start:-1]
    if not report.summary_calls:
        assert report.input_tokens == outlook.tokens_sent + estimate_tokens([user_item(SAID)])
    assert request.sent() == outlook.call.sent()
    before = outlook.cells[-1].row if outlook.cells else 0
    kept = lab.catalog.database("long").reports("long", before)[-1]
    assert kept.calls[0].rows() == request.rows()


def test_an_empty_session_and_the_words(make: MakeLab) -> None:
    lab = make(OfflineModel())
    told = lab.outlook("s", "Assistant", EVERYTHING).sentence()
    assert told.startswith("Next message: 0 of 0 stored items are sent, about ")
    lab.import_items("long", "Long", talk(507))
    outlook = lab.outlook("long", "Assistant", LAST_6)
    assert outlook.sentence().startswith("Next message: 6 of 1,014 stored items are sent, about ")
    assert sum(cell.place is None for cell in outlook.cells) == 1_008
    assert [cell.place for cell in outlook.cells[-6:]] == [1, 2, 3, 4, 5, 6]
    assert {cell.reason for cell in outlook.cells[:-6]} == {"Outside the last 6 items."}


def test_it_follows_what_is_stored_and_chosen(make: MakeLab, path: Path) -> None:
    lab = make(says("Fine."))
    lab.add_item("s", user_item("Hi."))
    assert lab.outlook("s", "Assistant", EVERYTHING).sent == 1
    assert lab.outlook("s", "Sales", EVERYTHING).around != (
        lab.outlook("s", "Support", EVERYTHING).around
    )
    lab.add_item("s", call("lost"))
    insert(path, "s", "not JSON")
    found = lab.outlook("s", "Assistant", EVERYTHING).cells
    assert [(cell.place, cell.finding and cell.finding.rule) for cell in found] == [
        *((1, "turn"), (None, "pair"), (None, "form")),
    ]
    lab.edit_item("s", lab.catalog.database("s").rows("s")[0], "Hello there, how are you?")
    edited = lab.outlook("s", "Assistant", EVERYTHING).cells
    assert edited[0].tokens > found[0].tokens
