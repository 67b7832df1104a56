"""Lessons: README, source, a run, and the exercises as a person does them."""

from __future__ import annotations

from pathlib import Path

import pytest
from page_tools import FIRST, Open, Page, end_the_process, store

from session_lab.history.items import user_item
from session_lab.lessons import runner as lesson_runner
from session_lab.lessons.runner import LESSONS, ROOT, Lesson
from session_lab.pages.readme_view import linked


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A short script in the place of lesson 7.1, whose own run is tested with the lesson."""
    folder = tmp_path / LESSONS[0].folder.name
    folder.mkdir()
    (folder / "README.md").write_text("# Short\n", encoding="utf-8")
    lesson = Lesson(LESSONS[0].title, folder)
    monkeypatch.setattr(lesson_runner, "LESSONS", (lesson, *LESSONS[1:]))
    return lesson.script


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.folder.name)
def test_each_lesson_shows_its_readme_and_its_source(open_page: Open, lesson: Lesson) -> None:
    page = open_page(lesson=lesson.folder.name).go("lessons")
    assert page.app.button_group[0].value == lesson.title
    heading = lesson.readme.read_text(encoding="utf-8").splitlines()[0]
    assert f"##{heading}" in page.shown
    assert "<details>" not in page.shown
    assert "Activate.ps1" not in page.shown, "what only concerns a terminal is left out"
    assert "Solution" in [expander.label for expander in page.app.expander]
    sources = [block.value.strip() for block in page.app.code]
    assert lesson.script.read_text(encoding="utf-8").strip() in sources


def test_the_address_follows_the_lesson(open_page: Open) -> None:
    page = open_page(lesson="no_such_lesson").go("lessons")
    assert page.app.button_group[0].value == "7.1 Basic sessions"
    page.app.button_group[0].set_value("7.3 Multiple sessions")
    found = page.run().app.query_params["lesson"]
    assert found in ("7_3_multi_sessions", ["7_3_multi_sessions"])  # A list in an older Streamlit.


def test_the_way_back_from_chat_leads_to_the_lesson_and_the_tab_that_were_left(page: Page) -> None:
    page.go("lessons").app.button_group[0].set_value("7.2 Memory operations")
    page.run().set("exercise-tab", "Exercise")
    page.app.query_params.clear()  # As the links between the pages do.
    page.go("chat")
    page.app.query_params.clear()
    assert page.go("lessons").app.button_group[0].value == "7.2 Memory operations"
    assert page.app.session_state["exercise-tab"] == "Exercise"
    page.app.query_params["lesson"] = "7_1_basic_sessions"
    assert page.run().app.button_group[0].value == "7.2 Memory operations", "that address was old"


def test_links_lead_somewhere() -> None:
    text = (
        "[7.2](../7_2_memory_operations/README.md) [docs](https://example.org) [up](#run-it) "
        "[the script](agent.py) [app](../README.md#the-app)"
    )
    assert linked(text, ROOT / "7_1_basic_sessions") == (
        "[7.2](?lesson=7_2_memory_operations) [docs](https://example.org) [up](#run-it) "
        "the script (`7_1_basic_sessions/agent.py`) app (`README.md`)"
    )


@pytest.mark.parametrize(
    ("source", "first_line", "told"),
    [
        ("print('User: Hello <b>**')", "User: Hello <b>**", ["Finished", "exit status 0"]),
        ("import sys\nsys.exit('No folder.')", "No folder.", ["Failed", "exit status 1"]),
        ("for n in range(1000): print(n)", "600", ["The newest 400 lines of 1,000."]),
    ],
)
def test_a_run_shows_its_output_and_how_it_ended(
    script: Path, page: Page, source: str, first_line: str, told: list[str]
) -> None:
    script.write_text(source, encoding="utf-8")
    page.go("lessons").press("Run")
    assert page.app.code[0].value.splitlines()[0] == first_line
    assert all(part in page.shown for part in told)
    assert [button.disabled for button in page.app.button[:2]] == [False, True]


def test_the_output_does_not_stand_above_the_exercise(script: Path, page: Page) -> None:
    script.write_text("print('User: Hello')", encoding="utf-8")
    page.go("lessons").press("Run").set("exercise-tab", "Exercise")
    assert "User: Hello" not in [code.value for code in page.app.code]
    assert "Finished" in page.shown
    page.set("exercise-tab", "README")
    assert "User: Hello" in [code.value for code in page.app.code]


def test_run_leaves_the_exercise_for_the_script_and_its_output(script: Path, page: Page) -> None:
    script.write_text("print('User: Hello')", encoding="utf-8")
    page.go("lessons").app.session_state["exercise-tab"] = "Exercise"
    page.run().press("Run")
    assert page.app.session_state["exercise-tab"] == "agent.py"
    assert page.app.code[0].value == "User: Hello"


# -- the exercises --------------------------------------------------------------------------


def go_to(page: Page, lesson: Lesson) -> Page:
    page.go("lessons").app.button_group[0].set_value(lesson.title)
    return page.run()


def check(page: Page, lesson: Lesson, city: str = "") -> Page:
    go_to(page, lesson)
    if city:
        page.fill("City", city)
    return page.press("Check")


def test_the_file_exercise(page: Page) -> None:
    check(page.say("I live in Oslo."), LESSONS[0])
    assert page.app.warning[0].value.startswith("Not yet")
    assert "No message is older than the last restart" in page.shown
    end_the_process()
    assert check(page.go("chat").say("Where do I live?"), LESSONS[0]).app.success


def test_an_exercise_offers_the_session_that_was_used_last(page: Page, db_path: Path) -> None:
    store(db_path, "old", user_item("I live in Oslo."))
    page.go("lessons").choose("Session", "old")
    page.go("chat").say("I live in Riga.")
    assert page.go("lessons").by_label("selectbox", "Session").value == FIRST


def test_the_pair_and_the_city_outlast_a_visit_to_chat(page: Page, db_path: Path) -> None:
    store(db_path, "old", user_item("I live in Oslo."))
    go_to(page, LESSONS[2]).choose("First session", "old")
    go_to(page, LESSONS[1]).fill("City", "Oslo").run().go("chat").say("Hello!")
    assert page.go("lessons").by_label("text_input", "City").value == "Oslo"
    assert go_to(page, LESSONS[2]).by_label("selectbox", "First session").value == "old"


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.folder.name)
def test_without_a_session_there_is_none_to_choose(page: Page, lesson: Lesson) -> None:
    page.query("DELETE FROM lab_sessions")
    assert "There is no session yet" in go_to(page, lesson).shown
    assert not page.app.selectbox


def test_the_forgetting_exercise(page: Page) -> None:
    check(
        page.say("My name is Alice.", "I work as a nurse.", "I live in Oslo."), LESSONS[1], "Oslo"
    )
    assert "1 row still name Oslo" in page.shown
    page.go("chat").press("Undo turn").press("Undo this turn")
    assert check(page, LESSONS[1]).app.success, "the city is still there"


def test_the_isolation_exercise(page: Page, db_path: Path) -> None:
    assert "This is one session" in check(page, LESSONS[2]).shown
    store(db_path, "user_123", user_item("My order is A-1001."))
    store(db_path, "user_456", user_item("My order is A-1002."))
    page.choose("First session", "user_123").choose("Second session", "user_456")
    assert check(page, LESSONS[2]).app.success


def test_creating_two_users_in_compare_is_not_the_isolation_exercise(page: Page) -> None:
    page.go("compare").press("Create two users").press("What is my name?")
    check(page, LESSONS[2])
    assert page.app.warning[0].value.startswith("Not yet")
    assert "was told no order" in page.shown
