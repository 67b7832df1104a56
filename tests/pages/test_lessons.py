"""The Lessons page, run without a browser: README, source, a run, and the checked exercises."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from session_lab.lessons import runner as lesson_runner
from session_lab.lessons.runner import LESSONS, ROOT, Lesson, LessonRun, LessonRunner
from session_lab.pages.open_lab import open_lab, wait_for
from session_lab.pages.readme_view import linked
from session_lab.store.seen import last_turn

SECONDS = 30


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    monkeypatch.setenv("SESSIONS_DB", str(tmp_path / "sessions.db"))
    app = AppTest.from_file(str(ROOT / "streamlit_sessions_app.py"), default_timeout=SECONDS)
    yield app.run()
    st.cache_resource.clear()  # Closes the lab and ends the runs.


@pytest.fixture
def page(app: AppTest) -> AppTest:
    return to_lessons(app)


def to_lessons(app: AppTest) -> AppTest:
    return app.switch_page("session_lab/pages/lessons.py").run()


def open_lesson(page: AppTest, folder: str) -> AppTest:
    page.query_params["lesson"] = folder
    return page.run()


def press(page: AppTest, label: str) -> AppTest:
    return next(button for button in page.button if button.label == label).click().run()


def say(app: AppTest, *texts: str) -> AppTest:
    app.switch_page("session_lab/pages/chat.py").run()
    for text in texts:
        app.chat_input[0].set_value(text).run()
    return app


def text_of(page: AppTest) -> str:
    assert not page.exception
    assert not page.error
    return "\n".join(element.value for element in (*page.markdown, *page.caption))


def output_of(page: AppTest) -> str:
    return str(page.code[0].value)


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
def test_each_lesson_shows_its_readme_and_its_source(page: AppTest, lesson: Lesson) -> None:
    open_lesson(page, lesson.folder.name)
    shown = text_of(page)
    heading = lesson.readme.read_text(encoding="utf-8").splitlines()[0]
    assert f"##{heading}" in shown
    assert "<details>" not in shown
    assert "Solution" in [expander.label for expander in page.expander]
    sources = [block.value for block in page.code]
    assert lesson.script.read_text(encoding="utf-8").strip() in [each.strip() for each in sources]


def test_the_address_names_the_lesson(page: AppTest) -> None:
    assert page.button_group[0].value == "7.1 Basic sessions"
    page.button_group[0].set_value("7.3 Multiple sessions").run()
    assert page.query_params["lesson"] in ("7_3_multi_sessions", ["7_3_multi_sessions"])
    open_lesson(page, "7_2_memory_operations")
    assert page.button_group[0].value == "7.2 Memory operations"
    open_lesson(page, "no_such_lesson")
    assert page.button_group[0].value == "7.1 Basic sessions"


def test_links_lead_somewhere() -> None:
    text = (
        "[7.2](../7_2_memory_operations/README.md) [docs](https://example.org) [up](#run-it) "
        "[the script](agent.py) [app](../README.md#the-app)"
    )
    assert linked(text, ROOT / "7_1_basic_sessions") == (
        "[7.2](?lesson=7_2_memory_operations) [docs](https://example.org) [up](#run-it) "
        "the script (`7_1_basic_sessions/agent.py`) app (`README.md`)"
    )


def test_a_run_shows_its_output_and_its_status(script: Path, app: AppTest) -> None:
    script.write_text("print('User: Hello <b>**')\nprint('second')", encoding="utf-8")
    page = press(to_lessons(app), "Run")
    assert output_of(page) == "User: Hello <b>**\nsecond"
    assert "exit status 0" in text_of(page)
    assert [button.disabled for button in page.button[:2]] == [False, True]


def test_a_run_that_fails_says_so(script: Path, app: AppTest) -> None:
    script.write_text("import sys\nsys.exit('No folder.')", encoding="utf-8")
    page = press(to_lessons(app), "Run")
    assert output_of(page) == "No folder."
    assert "Failed after" in text_of(page)
    assert "exit status 1" in text_of(page)


def test_a_run_that_somebody_stops_is_followed_to_its_end(
    script: Path, app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.write_text("import time\nprint('begun')\ntime.sleep(60)", encoding="utf-8")
    start = LessonRunner.run

    def start_and_stop(self: LessonRunner, path: Path) -> LessonRun:
        run = start(self, path)

        def stop() -> None:
            while run.output != "begun\n":
                time.sleep(0.02)
            run.stop()

        threading.Thread(target=stop).start()
        return run

    monkeypatch.setattr(LessonRunner, "run", start_and_stop)
    page = press(to_lessons(app), "Run")
    assert output_of(page) == "begun"
    assert "Stopped after" in text_of(page)


def test_only_the_newest_lines_are_shown(script: Path, app: AppTest) -> None:
    script.write_text("for number in range(1000): print(number)", encoding="utf-8")
    page = press(to_lessons(app), "Run")
    assert output_of(page).splitlines()[0] == "600"
    assert "The newest 400 lines of 1,000." in text_of(page)


# -- the exercises --------------------------------------------------------------------------


def check(app: AppTest, folder: str) -> AppTest:
    return press(open_lesson(to_lessons(app), folder), "Check")


def test_the_file_exercise(app: AppTest) -> None:
    say(app, "I live in Oslo.")
    check(app, "7_1_basic_sessions")
    assert app.warning[0].value.startswith("Not yet")
    assert "No message is older than the last restart" in text_of(app)
    st.cache_resource.clear()  # As good as the end of the app's process.
    say(app, "Where do I live?")
    check(app, "7_1_basic_sessions")
    assert app.success, text_of(app)


def test_the_forgetting_exercise(app: AppTest) -> None:
    say(app, "My name is Alice.", "I work as a nurse.", "I live in Oslo.")
    open_lesson(to_lessons(app), "7_2_memory_operations")
    next(field for field in app.text_input if field.label == "City").set_value("Oslo").run()
    press(app, "Check")
    assert "1 row still name Oslo" in text_of(app)
    lab = open_lab()
    seen = last_turn(lab.catalog, "my_first_session")
    wait_for(lab.remove("my_first_session", seen, whole_turn=True))
    open_lesson(to_lessons(app), "7_2_memory_operations")
    next(field for field in app.text_input if field.label == "City").set_value("Oslo").run()
    press(app, "Check")
    assert app.success, text_of(app)


def test_the_isolation_exercise(app: AppTest) -> None:
    check(app, "7_3_multi_sessions")
    assert "This is one session" in text_of(app)
    app.switch_page("session_lab/pages/compare.py").run()
    press(app, "Create two sessions")
    check(app, "7_3_multi_sessions")
    assert app.success, text_of(app)
