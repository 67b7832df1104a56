"""The exercises can be done in the lab, and each way of not doing one is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from lab_tools import MakeLab, PageLab, ask, labs_on, pop, row_at, says, undo

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
from session_lab.store.database import Row
from session_lab.store.seen import all_seen


@pytest.fixture
def make_lab(tmp_path: Path) -> Iterator[MakeLab]:
    with labs_on(tmp_path / "sessions.db") as make:
        yield make


@pytest.fixture
def lab(make_lab: MakeLab) -> PageLab:
    return make_lab(OfflineModel())


def say(lab: PageLab, *texts: str, session_id: str = "s") -> None:
    for text in texts:
        ask(lab, session_id, text)


def missing(findings: Sequence[Finding]) -> str:
    """What the person is told to be missing; it must be one thing."""
    assert not passed(findings)
    told = [finding.text for finding in findings if not finding.holds]
    assert len(told) == 1, told
    return told[0]


def test_every_lesson_has_its_exercise() -> None:
    assert [each.folder for each in EXERCISES] == [lesson.folder.name for lesson in LESSONS]


def test_nothing_found_is_not_passed() -> None:
    assert not passed([])


# -- 7.1 ------------------------------------------------------------------------------------


def file_findings(lab: PageLab, session_id: str = "s") -> list[Finding]:
    info = lab.catalog.existing(session_id)
    rows = lab.catalog.database(session_id).rows(session_id)
    return check_file(info, rows, lab.survived_row)


def test_an_answer_from_before_a_restart_proves_the_file(lab: PageLab) -> None:
    say(lab, "I live in Oslo.")
    lab.restart()
    say(lab, "Where do I live?")
    findings = file_findings(lab)
    assert passed(findings)
    assert "Row 1 (“I live in Oslo.”) is older than the last restart." in findings[1].text
    assert "holds “oslo”, which was said in row 1 and not since" in findings[2].text


def test_another_process_counts_as_a_restart(make_lab: MakeLab) -> None:
    say(make_lab(OfflineModel()), "I live in Oslo.")
    second = make_lab(OfflineModel())
    say(second, "Where do I live?")
    assert passed(file_findings(second))


def test_without_a_restart_it_is_not_proven(lab: PageLab) -> None:
    assert "Nothing is stored yet" in missing(file_findings(lab))
    say(lab, "I live in Oslo.", "Where do I live?")
    assert "No message is older than the last restart" in missing(file_findings(lab))


def test_without_a_question_after_the_restart_it_is_not_proven(lab: PageLab) -> None:
    say(lab, "I live in Oslo.")
    lab.restart()
    assert "No reply was stored since the restart" in missing(file_findings(lab))


@pytest.mark.parametrize(
    "after", ["What is my name?", "I live in Oslo, as you know.", "Hello!"], ids=repr
)
def test_an_answer_that_needs_no_memory_proves_nothing(lab: PageLab, after: str) -> None:
    say(lab, "I live in Oslo.")
    lab.restart()
    say(lab, after)
    assert "only the messages before it hold" in missing(file_findings(lab))


def test_a_city_that_was_said_again_proves_nothing(lab: PageLab) -> None:
    say(lab, "I live in Oslo.")
    lab.restart()
    say(lab, "Oslo, that is.", "Where do I live?")
    assert "only the messages before it hold" in missing(file_findings(lab))


def test_a_session_in_memory_cannot_prove_it(lab: PageLab) -> None:
    lab.create("quick", "Memory")
    say(lab, "I live in Oslo.", session_id="quick")
    assert "in memory" in missing(file_findings(lab, "quick"))
    assert lab.restart() == ["quick"]


# -- 7.2 ------------------------------------------------------------------------------------

THREE = ("My name is Alice.", "I work as a nurse.", "I live in Oslo.")


def forgotten(lab: PageLab, city: str = "Oslo") -> list[Finding]:
    return check_forgotten(lab.catalog.database("s").rows("s"), lab.actions("s"), city)


def test_undoing_the_turn_forgets_the_city(lab: PageLab) -> None:
    say(lab, *THREE)
    undo(lab)
    findings = forgotten(lab)
    assert passed(findings)
    assert [finding.text for finding in findings[:2]] == [
        "The session held an item that named Oslo.",
        "None of its 4 rows names Oslo.",
    ]
    assert "My name is Alice." in findings[2].text


def test_editing_every_message_forgets_the_city_too(lab: PageLab) -> None:
    say(lab, *THREE, "Where do I live?")
    lab.edit_item("s", row_at(lab, "s", 7), "Noted.")
    lab.edit_item("s", row_at(lab, "s", 4), "I live by the sea.")
    assert passed(forgotten(lab))


def test_the_reply_may_still_name_the_city(lab: PageLab) -> None:
    say(lab, *THREE, "Where do I live?")
    assert "2 rows still name Oslo: 5, 8." in missing(forgotten(lab))
    lab.edit_item("s", row_at(lab, "s", 4), "I live by the sea.")
    assert "1 row still name" in missing(forgotten(lab))


def test_a_city_is_found_in_tool_items_and_in_any_case(lab: PageLab) -> None:
    say(lab, *THREE)
    undo(lab)
    call = {"type": "function_call", "call_id": "1", "name": "go", "arguments": '{"to": "OSLO"}'}
    lab.add_item("s", call)  # type: ignore[arg-type]
    assert "still name" in missing(forgotten(lab))


def test_part_of_a_word_is_not_the_city(lab: PageLab) -> None:
    say(lab, "My name is Alice.", "My ferry is the Osloford.")
    assert "has named Oslo" in missing(forgotten(lab))


def test_a_city_that_was_never_said_cannot_be_forgotten(lab: PageLab) -> None:
    say(lab, "My name is Alice.", "I work as a nurse.")
    assert "no item of this session has named Oslo" in missing(forgotten(lab))
    assert "Type the city" in missing(forgotten(lab, "  "))


def test_clearing_does_not_count(lab: PageLab) -> None:
    say(lab, *THREE)
    lab.clear("s", all_seen(lab.catalog, "s").version)
    say(lab, "My name is Alice.", "I work as a nurse.")
    assert "It was cleared after Oslo was said" in missing(forgotten(lab))
    say(lab, "I live in Oslo.")
    undo(lab)
    assert passed(forgotten(lab)), "it was said again after that, and then forgotten rightly"


def test_forgetting_everything_does_not_count(lab: PageLab) -> None:
    say(lab, *THREE)
    undo(lab)
    undo(lab)
    assert "still know your name and your job" in missing(forgotten(lab))
    undo(lab)
    assert "Left of what you said: nothing" in missing(forgotten(lab))


def test_a_fork_from_before_never_held_the_city(lab: PageLab) -> None:
    say(lab, *THREE)
    lab.fork("s", "copy", 4, "File")
    rows = lab.catalog.database("copy").rows("copy")
    assert "has named Oslo" in missing(check_forgotten(rows, lab.actions("copy"), "Oslo"))


def test_every_way_to_change_a_session_is_followed(lab: PageLab) -> None:
    lab.import_items("new", "", [user_item("I live in Oslo."), assistant_item("Noted.")])
    for text in ("My name is Alice.", "I work as a nurse."):
        lab.add_item("new", user_item(text))
    lab.edit_item("new", row_at(lab, "new", 0), "I live by the sea.")
    rows = lab.catalog.database("new").rows("new")
    assert passed(check_forgotten(rows, lab.actions("new"), "Oslo"))


def test_what_is_popped_is_followed_too(make_lab: MakeLab) -> None:
    lab = make_lab(says("Hello Alice.", "Noted."))
    say(lab, "My name is Alice.", "I work as a nurse.")
    lab.add_item("s", user_item("I live in 東京."))
    assert "1 row still name 東京: 5." in missing(forgotten(lab, "東京"))
    pop(lab)
    assert passed(forgotten(lab, "東京"))


# -- 7.3 ------------------------------------------------------------------------------------


def isolation(lab: PageLab, first: str, second: str) -> list[Finding]:
    def rows(session_id: str) -> list[Row]:
        return lab.catalog.database(session_id).rows(session_id)

    infos = [lab.catalog.existing(session_id) for session_id in (first, second)]
    return check_isolation(infos[0], rows(first), infos[1], rows(second))


@pytest.fixture
def two(lab: PageLab) -> PageLab:
    for number, session_id in enumerate(("user_123", "user_456"), 1):
        lab.create(session_id, "File")
        say(lab, f"My order is A-100{number}.", session_id=session_id)
    return lab


def test_two_orders_in_two_sessions_are_apart(two: PageLab) -> None:
    findings = isolation(two, "user_123", "user_456")
    assert passed(findings)
    assert [finding.text for finding in findings] == [
        "2 rows and 2 rows in one file; 0 are in both.",
        "Row 1 (“My order is A-1001.”) of user_123: no row of user_456 holds “a-1001”.",
        "Row 3 (“My order is A-1002.”) of user_456: no row of user_123 holds “a-1002”.",
    ]


def test_asking_both_the_same_changes_nothing(two: PageLab) -> None:
    for session_id in ("user_123", "user_456"):
        say(two, "Hello!", "What is my order?", session_id=session_id)
    assert passed(isolation(two, "user_123", "user_456"))


def test_one_session_is_not_two(two: PageLab) -> None:
    assert "This is one session" in missing(isolation(two, "user_123", "user_123"))


def test_a_fact_that_stands_in_both_is_found(two: PageLab) -> None:
    say(two, "My order is A-1001.", session_id="user_456")
    findings = isolation(two, "user_123", "user_456")
    told = [finding.text for finding in findings if not finding.holds]
    assert len(told) == 2
    assert all("every word of it stands in" in text for text in told)


def test_the_other_reply_that_names_the_order_is_found(two: PageLab) -> None:
    two.add_item("user_456", assistant_item("The other order is A-1001."))
    assert "user_123: every word" in missing(isolation(two, "user_123", "user_456"))


def test_sessions_without_a_fact_prove_nothing(lab: PageLab) -> None:
    lab.create("other", "File")
    say(lab, "My order is A-1001.")
    assert "other was told nothing yet" in missing(isolation(lab, "s", "other"))
    say(lab, "What is my order?", session_id="other")
    assert "other was told nothing yet" in missing(isolation(lab, "s", "other"))
    say(lab, "Hello!", session_id="other")
    assert "other has no fact of its own" in missing(isolation(lab, "s", "other"))


def test_a_session_in_memory_is_another_database(two: PageLab) -> None:
    two.create("quick", "Memory")
    say(two, "My order is A-1003.", session_id="quick")
    assert "quick is in memory" in missing(isolation(two, "user_123", "quick"))
