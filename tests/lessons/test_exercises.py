"""The exercises can be done in the lab, and each way of not doing one is told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from lab_tools import MakeLab, PageLab, ask, labs_on, pop, row_at, undo

from session_lab.history.items import assistant_item, user_item
from session_lab.lessons.exercises import (
    EXERCISES,
    Finding,
    check_file,
    check_forgotten,
    check_isolation,
    passed,
)
from session_lab.lessons.runner import LESSONS
from session_lab.models.offline import OfflineModel
from session_lab.store.database import Row, SessionInfo
from session_lab.store.seen import all_seen


@pytest.fixture
def make_lab(tmp_path: Path) -> Iterator[MakeLab]:
    with labs_on(tmp_path / "sessions.db") as make:
        yield make


@pytest.fixture
def lab(make_lab: MakeLab) -> PageLab:
    return make_lab(OfflineModel())


def say(lab: PageLab, *texts: str) -> None:
    for text in texts:
        ask(lab, "s", text)


def rows(*texts: str, start: int = 1) -> list[Row]:
    """Stored messages; one that begins with an arrow is a reply."""
    items: list[Any] = [
        assistant_item(text[2:]) if text.startswith("> ") else user_item(text) for text in texts
    ]
    return [Row(row_id, "", json.dumps(item), item) for row_id, item in enumerate(items, start)]


def info(session_id: str, storage: Any = "File") -> SessionInfo:
    return SessionInfo(session_id, "", storage, 0, 0.0, None, None)


def missing(findings: Sequence[Finding]) -> str:
    """What the person is told to be missing; it must be one thing."""
    assert not passed(findings)
    told = [finding.text for finding in findings if not finding.holds]
    assert len(told) == 1, told
    return told[0]


def test_every_lesson_has_its_exercise() -> None:
    assert [each.folder for each in EXERCISES] == [lesson.folder.name for lesson in LESSONS]
    assert not passed([])


# -- 7.1 ------------------------------------------------------------------------------------


def from_the_file(lab: PageLab) -> list[Finding]:
    stored = lab.catalog.database("s").rows("s")
    return check_file(lab.catalog.existing("s"), stored, lab.last_row_at_start, lab.actions("s"))


@pytest.mark.parametrize("another_process", [False, True])
def test_an_answer_from_before_a_restart_proves_the_file(
    make_lab: MakeLab, another_process: bool
) -> None:
    lab = make_lab(OfflineModel())
    say(lab, "I live in Oslo.")
    if another_process:
        lab = make_lab(OfflineModel())
    else:
        lab.restart()
    say(lab, "Where do I live?")
    findings = from_the_file(lab)
    assert passed(findings)
    assert "Row 1 (“I live in Oslo.”) is older than the last restart." in findings[1].text
    assert "holds “oslo”, which was said in row 1 and not since" in findings[2].text


OSLO = ("I live in Oslo.", "> Noted.")
ANSWER = '> From item 1 of 3: "I live in Oslo."'
NO_WORD = "No reply since the restart holds a word that only the messages before it hold."


@pytest.mark.parametrize(
    ("before", "since", "told"),
    [
        ((), (), "Nothing is stored yet"),
        ((), (*OSLO, "Where do I live?", ANSWER), "No message is older than the last restart"),
        (OSLO, (), "No reply was stored since the restart"),
        (OSLO, ("What is my name?", "> Nothing says that."), NO_WORD),
        (OSLO, ("I live in Oslo, as you know.", "> Noted: Oslo."), NO_WORD),
        (OSLO, ("Oslo, that is.", "> Noted.", "Where do I live?", ANSWER), NO_WORD),
        (OSLO, ("Hello!", "> Hello."), NO_WORD),
    ],
)
def test_what_proves_no_file(before: tuple[str, ...], since: tuple[str, ...], told: str) -> None:
    findings = check_file(info("s"), rows(*before, *since), len(before), [])
    assert missing(findings).startswith(told)
    assert "in memory" in missing(check_file(info("s", "Memory"), rows(*before, *since), 9, []))


def test_what_was_edited_since_the_restart_proves_nothing(lab: PageLab) -> None:
    say(lab, "I like tea.")
    lab.restart()
    lab.edit_item("s", row_at(lab, "s", 0), "I live in Oslo.")
    say(lab, "Where do I live?")
    told = "Row 1 (“I live in Oslo.”) was edited since the last restart. Restart again."
    assert missing(from_the_file(lab)) == told
    lab.restart()
    say(lab, "Where do I live?")
    assert passed(from_the_file(lab)), "the edited message is itself older than this restart"


def test_an_edited_reply_is_no_reply_and_an_edit_beside_the_proof_does_no_harm(
    lab: PageLab,
) -> None:
    say(lab, "I live in Oslo.", "I like tea.")
    lab.restart()
    say(lab, "What is my name?")
    lab.edit_item("s", row_at(lab, "s", 5), "You live in Oslo.")
    assert missing(from_the_file(lab)).startswith(f"{NO_WORD} What was edited since does not count")
    undo(lab)
    lab.edit_item("s", row_at(lab, "s", 2), "I like coffee.")
    say(lab, "Where do I live?")
    assert passed(from_the_file(lab))


# -- 7.2 ------------------------------------------------------------------------------------

THREE = ("My name is Alice.", "I work as a nurse.", "I live in Oslo.")


def forgotten(lab: PageLab, city: str = "Oslo", session_id: str = "s") -> list[Finding]:
    stored = lab.catalog.database(session_id).rows(session_id)
    return check_forgotten(stored, lab.actions(session_id), city)


def test_undoing_turns_forgets_the_city_and_may_go_too_far(lab: PageLab) -> None:
    say(lab, *THREE)
    undo(lab)
    findings = forgotten(lab)
    assert passed(findings)
    assert [finding.text for finding in findings[:2]] == [
        "The session held an item that named Oslo.",
        "None of its 4 rows names Oslo.",
    ]
    assert "My name is Alice." in findings[2].text
    undo(lab)
    assert "still know your name and your job" in missing(forgotten(lab))
    undo(lab)
    assert "Left of what you said: nothing" in missing(forgotten(lab))


def test_editing_every_message_forgets_the_city_too(lab: PageLab) -> None:
    say(lab, *THREE, "Where do I live?")
    assert "2 rows still name Oslo: 5, 8." in missing(forgotten(lab))
    lab.edit_item("s", row_at(lab, "s", 4), "I live by the sea.")
    assert "1 row still name" in missing(forgotten(lab)), "the reply names it as well"
    lab.edit_item("s", row_at(lab, "s", 7), "Noted.")
    assert passed(forgotten(lab))


def test_the_city_is_found_in_any_item_as_a_whole_word_in_any_case(lab: PageLab) -> None:
    say(lab, "My name is Alice.", "I work as a nurse.")
    assert "no item of this session has named Oslo" in missing(forgotten(lab))
    assert "Type the city" in missing(forgotten(lab, "  "))
    say(lab, "My ferry is the Osloford.")
    assert "has named Oslo" in missing(forgotten(lab))
    call = {"type": "function_call", "call_id": "1", "name": "go", "arguments": '{"to": "OSLO"}'}
    lab.add_item("s", call)
    assert "still name" in missing(forgotten(lab))
    pop(lab)
    assert passed(forgotten(lab))
    lab.add_item("s", user_item("私は東京に住んでいます。"))
    assert "1 row still name 東京: 8." in missing(forgotten(lab, "東京"))


def test_clearing_does_not_count(lab: PageLab) -> None:
    say(lab, *THREE)
    lab.clear("s", all_seen(lab.catalog, "s").version)
    say(lab, "My name is Alice.", "I work as a nurse.")
    assert "It was cleared after Oslo was said" in missing(forgotten(lab))
    say(lab, "I live in Oslo.")
    undo(lab)
    assert passed(forgotten(lab)), "it was said again after that, and then forgotten rightly"


def test_a_fork_from_before_never_held_the_city_and_an_import_did(lab: PageLab) -> None:
    say(lab, *THREE)
    lab.fork("s", "copy", 4, "File")
    assert "has named Oslo" in missing(forgotten(lab, session_id="copy"))
    lab.import_items("new", "", [user_item(text) for text in THREE])
    lab.edit_item("new", row_at(lab, "new", 2), "I live by the sea.")
    assert passed(forgotten(lab, session_id="new"))


# -- 7.3 ------------------------------------------------------------------------------------

FIRST = rows("My order is A-1001.", "> Noted.")
SECOND = rows("My order is A-1002.", "> Noted.", start=3)


def isolation(first: list[Row], second: list[Row]) -> list[Finding]:
    return check_isolation(info("user_123"), first, info("user_456"), second)


def test_two_orders_in_two_sessions_are_apart() -> None:
    findings = isolation(FIRST, SECOND)
    assert passed(findings)
    assert [finding.text for finding in findings] == [
        "2 rows and 2 rows in one file; 0 are in both.",
        "Row 1 (“My order is A-1001.”) of user_123: no row of user_456 holds “a-1001”.",
        "Row 3 (“My order is A-1002.”) of user_456: no row of user_123 holds “a-1002”.",
    ]
    asked = rows("Hello!", "> Hello.", "What is my order?", "> Here it is.", start=5)
    assert passed(isolation([*FIRST, *asked], [*SECOND, *rows("Hello!", start=9)]))


@pytest.mark.parametrize(
    ("second", "told"),
    [
        (FIRST, "Row 1 (“My order is A-1001.”) of user_456 was said to user_123 too."),
        (rows("It is A-1001, my order.", start=3), "user_456: every word"),
        ([*SECOND, *rows("> The other order is A-1001.", start=5)], "user_123: every word"),
        ([], "user_456 was told nothing yet"),
        (rows("What is my order?", "> I do not know.", start=3), "user_456 was told nothing yet"),
        (rows("My name is Bob.", "> Hello.", start=3), "user_456 was told no order: no message"),
        (rows("An order!", "> Hello.", start=3), "user_456 has no order of its own"),
    ],
)
def test_what_proves_no_isolation(second: list[Row], told: str) -> None:
    findings = isolation(FIRST, second)
    assert not passed(findings)
    assert any(told in finding.text for finding in findings if not finding.holds)


def test_what_compare_creates_and_asks_both_is_no_order() -> None:
    alice = rows("My name is Alice.", "> Nice to meet you.", "What is my name?", "> Alice.")
    bob = rows("My name is Bob.", "> Nice to meet you.", "What is my name?", "> Bob.", start=5)
    told = [finding.text for finding in isolation(alice, bob) if not finding.holds]
    assert [text.split(":")[0] for text in told] == [
        "user_123 was told no order",
        "user_456 was told no order",
    ]


@pytest.mark.parametrize(
    "told",
    [
        ("I ordered a red bicycle.",),
        ("We bought the lamp yesterday.",),
        ("It's number 7731.",),
        ("Meine Bestellung ist B-77.",),
        ("My order is a red bicycle.", "I live in Oslo.", "I like tea.", "I work as a nurse."),
    ],
)
def test_an_order_may_be_told_in_other_words(told: tuple[str, ...]) -> None:
    both = ("I live in Oslo.", "Tell me my order please.", "> It is there.")
    findings = isolation(rows(*told, *both, start=20), [*SECOND, *rows(*both, start=50)])
    assert passed(findings)


def test_one_session_is_not_two_and_memory_is_another_database() -> None:
    one = info("user_123")
    assert "This is one session" in missing(check_isolation(one, FIRST, one, FIRST))
    quick = info("quick", "Memory")
    assert "quick is in memory" in missing(check_isolation(one, FIRST, quick, SECOND))
