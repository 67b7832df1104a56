"""Lessons: each README and its script, with a run whose output is live, and its exercise."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from session_lab.lessons.exercises import (
    EXERCISES,
    Exercise,
    check_file,
    check_forgotten,
    check_isolation,
    passed,
)
from session_lab.lessons.runner import LESSONS, Lesson, LessonRun, LessonRunner
from session_lab.pages.open_lab import open_lab, shown_errors, wait_for
from session_lab.pages.readme_view import show_readme
from session_lab.pages.safe_text import as_typed, count_of
from session_lab.pages.session_choice import choose_session
from session_lab.runs.lab import Lab

README, SOURCE, EXERCISE = TABS = ("README", "agent.py", "Exercise")
TAB = "exercise-tab"
"""The key of the open tab. It outlasts a visit to Chat, as what an exercise asks for does."""
LESSON = "lesson"
"""The name of the lesson's folder, in the address and in the session state."""
SHOWN_LINES = 400
WIDTH = 900


@st.cache_resource(show_spinner=False, on_release=LessonRunner.close)
def runner_of_process() -> LessonRunner:
    return LessonRunner()


def main() -> None:
    lab = open_lab()
    with st.container(width=WIDTH), shown_errors():
        lesson = chosen_lesson()
        run = show_run(lesson)
        output = above = st.container()
        readme, source, exercise = st.tabs(TABS, key=TAB, on_change="rerun")
        # Not above the exercise: there it would push what `Check` finds out of a small window.
        is_shown = run is not None and not exercise.open
        if is_shown:
            output = above.container(height=320, autoscroll=True, key="lesson-output").empty()
        elif run is not None and not run.is_done:  # What the last script drew stays until the end.
            output = above.empty()
        if run is not None and is_shown:
            show_output(run, output)
        with readme:
            show_readme(lesson.readme)
        with source:
            st.code(lesson.script.read_text(encoding="utf-8"), language="python")
        with exercise:
            show_exercise(lab, next(e for e in EXERCISES if e.folder == lesson.folder.name))
        if run is not None and not run.is_done:  # It goes on when the page is left, and is found.
            for _ in run.follow(every=0.3):
                if is_shown:
                    show_output(run, output)
                else:
                    output.empty()  # Only while something is drawn is the next click heard.
            st.rerun()


def chosen_lesson() -> Lesson:
    """The lesson in view, also after a visit to Chat.

    The address follows it, except at first and on Back: see `Tab` for why it may be an old one.
    """
    lessons = {lesson.folder.name: lesson for lesson in LESSONS}
    titles = {lesson.title: lesson.folder.name for lesson in LESSONS}
    context = get_script_run_ctx()
    is_back = context is not None and context.is_history_navigation
    if is_back or LESSON not in st.session_state:
        st.session_state[LESSON] = st.query_params.get(LESSON, "")
    named: str = st.session_state[LESSON]
    if named and LESSON not in st.query_params:  # The link `Lessons` names none.
        st.query_params[LESSON] = named
    start = lessons.get(named, LESSONS[0])
    key = f"lesson-{start.folder.name}"

    def go() -> None:
        st.session_state[LESSON] = st.query_params[LESSON] = titles[st.session_state[key]]

    st.segmented_control(
        "Lesson", list(titles), default=start.title, required=True, key=key, on_change=go
    )
    return start


def show_run(lesson: Lesson) -> LessonRun | None:
    """The buttons, and how the latest run stands; returns that run."""
    runner = runner_of_process()
    run = runner.last(lesson.script)
    is_running = run is not None and not run.is_done
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Run", icon=":material/play_arrow:", type="primary", disabled=is_running):
            runner.run(lesson.script)
            if st.session_state.get(TAB) == EXERCISE:
                st.session_state[TAB] = SOURCE  # Above the exercise no output is shown.
            st.rerun()
        if st.button("Stop", icon=":material/stop_circle:", disabled=not is_running) and run:
            run.stop()
            st.rerun()
        st.markdown(f"`python {lesson.folder.name}/agent.py`" if run is None else ending(run))
    return run


def ending(run: LessonRun) -> str:
    """How the run stands, in one line of Markdown."""
    if not run.is_done:
        return "Running…"
    if run.ending == "stopped":
        return f":orange[:material/stop_circle:] Stopped after {run.seconds:.1f} s."
    after = f"after {run.seconds:.1f} s: exit status {run.exit_status}"
    if run.ending == "out of time":
        return f":orange[:material/timer_off:] Ended for taking too long, {after}."
    if run.exit_status == 0:
        return f":green[:material/check_circle:] Finished {after}."
    return f":red[:material/error:] Failed {after}. The last lines say why."


def show_output(run: LessonRun, place: DeltaGenerator) -> None:
    lines = run.output.splitlines()[-SHOWN_LINES:]
    with place.container():
        if run.line_count > SHOWN_LINES:
            st.caption(f"The newest {count_of(len(lines), 'line')} of {run.line_count:,}.")
        st.code("\n".join(lines) or "(nothing printed yet)", language=None, wrap_lines=True)


def show_exercise(lab: Lab, exercise: Exercise) -> None:
    """What to do in Chat, and a check of the rows of the session in which it was done."""
    st.markdown(exercise.task)
    st.markdown("\n".join(f"{n}. {step}" for n, step in enumerate(exercise.steps, 1)))
    if not lab.catalog.sessions(limit=1):
        st.info("There is no session yet. Begin in Chat.")
        return
    if exercise.kind == "isolation":
        first = choose_session(lab, "First session", "exercise-isolation-first")
        second = choose_session(lab, "Second session", "exercise-isolation-second", 1)
    else:  # Forgotten while the reader is in Chat, so that it is the one that was used there.
        first = second = choose_session(lab, "Session", f"session-of-{exercise.kind}")
    if first is None or second is None:  # It was deleted just now.
        return
    city = ""
    if exercise.kind == "forget":
        city = st.text_input("City", placeholder="Oslo", max_chars=60, key="exercise-city")
    if not st.button("Check", icon=":material/fact_check:", type="primary"):
        return
    rows, other_rows = (
        lab.catalog.database(info.session_id).rows(info.session_id) for info in (first, second)
    )
    if exercise.kind == "file":
        actions = wait_for(lab.actions(first.session_id))
        findings = check_file(first, rows, lab.last_row_at_start, actions)
    elif exercise.kind == "forget":
        findings = check_forgotten(rows, wait_for(lab.actions(first.session_id)), city)
    else:
        findings = check_isolation(first, rows, second, other_rows)
    if passed(findings):
        st.success("Done. The rows say so:", icon=":material/check_circle:")
    else:
        st.warning("Not yet. This is what the rows say:", icon=":material/pending:")
    for finding in findings:
        icon = ":green[:material/check:]" if finding.holds else ":orange[:material/close:]"
        st.markdown(f"{icon} {as_typed(finding.text, 500)}")


main()
