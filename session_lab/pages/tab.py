"""What one browser tab remembers, and what is pressed or typed in it.

Streamlit ends a running script as soon as something else is pressed, and what a button or an input
returned to that script is lost. Callbacks always run. So what a click does is done in its callback,
and a message is noted there until a script sends it. A callback first reads the widgets that it
needs, then changes only the tab and the lab: see `carry_out`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import streamlit as st
from streamlit.runtime.scriptrunner import RerunException, get_script_run_ctx

from session_lab.pages.open_lab import readable
from session_lab.runs.session_log import LiveTurn

MESSAGE = "message"
"""The key of the input of Chat."""
Dialog = Callable[[], None]
"""Draws a dialog; see `pages/dialog.py`."""
OPEN = "open"
"""The key of the session list: the ID that is marked there."""


@dataclass
class Tab:
    """`session_id` is the session in view. The address follows it, except at first and on Back.

    The browser learns of a new address some time after a choice, so what it sends with the next
    click may be an old one.
    """

    session_id: str | None = None
    said: list[tuple[str, str | None]] = field(default_factory=list)
    """Messages that are not sent yet, with their sessions. None asks the stored question again."""
    said_to_both: list[str] = field(default_factory=list)
    sent: dict[str, LiveTurn] = field(default_factory=dict)
    """The last run that this tab started in each session."""
    unsent: dict[str, str] = field(default_factory=dict)
    """Messages that could not be sent, by session: each is back in the input when that is free."""
    listed: list[str] = field(default_factory=list)
    """The session list as it is drawn: nothing in it moves while a person aims at an entry."""
    labels: dict[str, str] = field(default_factory=dict)
    """The session of each label that a list has had in this tab: see `label`."""
    marked: str = ""
    """The label of the session in view, as the list has it."""
    problem: str = ""
    """Why the last thing that was pressed was not done."""
    news: str = ""
    dialog: Dialog | None = None
    """The dialog that is open. Each script draws it again, at its end and with the input off."""

    def label(self, session_id: str, text: str) -> str:
        """The session's label in a list: `text`, numbered if it has stood for another session.

        The browser tells Streamlit a choice by its label. Two sessions with one label would be one,
        and after `Rename` it may still send the label of before.
        """
        label, number = text, 1
        while self.labels.setdefault(label, session_id) != session_id:
            number += 1
            label = f"{text} ({number})"
        return label


def this_tab() -> Tab:
    tab: Tab | None = st.session_state.get("tab")
    context = get_script_run_ctx()
    if tab is None:
        tab = st.session_state["tab"] = Tab(st.query_params.get("session"))
    elif context is not None and context.is_history_navigation:
        tab.session_id, tab.dialog = st.query_params.get("session"), None
    return tab


def carry_out(tab: Tab, do: Callable[[], Dialog | None]) -> None:
    """A callback that does something, and closes the dialog. If it can't be done, that is told.

    `do` may return another dialog to open. It reads widgets first, if at all: there Streamlit may
    interrupt it for the next request.
    """
    try:
        tab.dialog = do()
    except RerunException as next_request:
        carry_out(tab, do)
        raise next_request
    except Exception as error:  # A bug keeps its traceback: `readable` raises it again.
        tab.problem = readable(error)


def ask(tab: Tab, do: Callable[[str], Dialog | None]) -> None:
    """A callback for the session in view, whose ID `do` is given: it mostly makes a dialog.

    What is marked in the list came with the same request, so it is what the person had chosen.
    """

    def do_in_view() -> Dialog | None:
        marked = st.session_state.get(OPEN)
        if marked not in tab.listed:  # Nothing, or what an entry was called before.
            marked = tab.labels.get(marked or "")
        tab.session_id = marked or tab.session_id
        return do(tab.session_id or "")

    tab.dialog = None
    carry_out(tab, do_in_view)


def say(tab: Tab, text: str | None = None) -> None:
    """A callback that notes a message to the session in view: `text`, or what was typed."""

    def note(session_id: str) -> None:
        said = text or st.session_state[MESSAGE]
        last = tab.sent.get(session_id)
        is_sent = last is not None and not last.is_done and last.text == text
        if text is not None and (is_sent or (session_id, text) in tab.said):
            return  # Pressed twice.
        if session_id and said.strip():
            tab.said.append((session_id, said))

    ask(tab, note)


def show_outcome(tab: Tab) -> None:
    """At the top of a page or a dialog: what came of what was pressed, if a person must know."""
    problem, news = tab.problem, tab.news
    tab.problem, tab.news = "", ""
    if problem:
        st.error(problem)
    if news:
        st.toast(news)
