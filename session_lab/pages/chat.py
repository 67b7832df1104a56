"""Chat: the conversation in the middle, the inspector on its right."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from session_lab.database import SessionInfo
from session_lab.lab import Confirmed, Lab
from session_lab.live_turn import LiveTurn
from session_lab.pages import dialogs
from session_lab.pages.inspector import show_inspector
from session_lab.pages.live_reply import LiveReply, stop_when_left
from session_lab.pages.shared import open_lab, show_rows, shown_errors
from session_lab.pages.shown_text import as_typed, count_of
from session_lab.pages.sidebar import chosen_session, show_sidebar
from session_lab.turn_runner import STOPPED

SHOWN_ROWS = 40
HEIGHT = 500
SUGGESTIONS = (
    "My name is Alice and I live in Oslo.",
    "What city is the Golden Gate Bridge in?",
    "How many days from 2026-01-01 to 2026-03-01?",
)
MENU = ("Rename", "Fork", "Export", "Import", "Delete", "Restart")


def main() -> None:
    lab = open_lab()
    with shown_errors():
        info = chosen_session(lab)
        agent, policy = show_sidebar(lab, info)
        live = lab.live(info.session_id)
        if live is None and "unsent" in st.session_state:
            st.session_state["message"] = st.session_state.pop("unsent")
        middle, right = st.columns([11, 9], gap="medium")
        conversation = middle.container()
        with middle:
            # Below the conversation. At the page's end, a phone would open on the inspector.
            typed = st.chat_input("Message the agent", key="message", submit_mode="stop")
        text = typed or st.session_state.pop("say", None)
        if live is None and st.session_state.pop("retry", False):
            live = lab.send(info.session_id, None, agent, policy)
        elif live is None and text and text.strip():
            live = lab.send(info.session_id, text, agent, policy)
        elif text:
            # Another tab was faster, say. The text is back in the input when that reply is there.
            st.session_state["unsent"] = text
            st.toast("A reply is being written. Your message waits in the input until then.")
        with conversation:
            writing = show_conversation(lab, info, live)
        with right:
            show_inspector(lab, info, agent, policy, is_busy=live is not None)
        if live is not None:
            stop_when_left(live.stop)
            follow(live, writing)


def show_conversation(lab: Lab, info: SessionInfo, live: LiveTurn | None) -> DeltaGenerator:
    """Title, actions and messages; returns the place for the reply that is being written."""
    database = lab.catalog.database(info.session_id)
    shown = st.session_state.get(f"shown-{info.session_id}", SHOWN_ROWS)
    version = database.version(info.session_id)
    rows = database.rows(info.session_id, last=shown)
    hidden = version.item_count - len(rows)
    if live is not None:  # What the run has stored so far is drawn by `follow`.
        rows = [row for row in rows if row.id <= live.after_row]
    show_missing()
    show_title(lab, info)
    show_actions(lab, info, is_busy=live is not None)
    with st.container(height=HEIGHT, autoscroll=True, key="conversation"):
        if hidden > 0:
            st.button(
                f"Show earlier items ({hidden:,} more)",
                on_click=st.session_state.update,
                args=({f"shown-{info.session_id}": shown + SHOWN_ROWS},),
            )
        show_rows(rows, database.reports(info.session_id, rows[0].id if rows else 0))
        # One place, because Streamlit leaves what is drawn no more standing until the script ends.
        notice = st.empty()
        if live is None:
            with notice.container():
                if not rows:
                    show_suggestions()
                show_unanswered(lab, info)
        return st.container()


def show_missing() -> None:
    """Say that another session is shown than the address named, until the person goes on."""
    if missing := st.session_state.pop("missing", None):
        st.warning(
            f"There is no session **{as_typed(missing, 60)}**, so this is the latest one. A memory "
            "session ends with the app or with Restart.",
            icon=":material/info:",
        )


def show_title(lab: Lab, info: SessionInfo) -> None:
    origin = ""
    if info.forked_from is not None:
        items = count_of(info.forked_items or 0, "item")
        origin = f" · fork of {as_typed(info.forked_from, 40)} after {items}"
    color = "blue" if info.storage == "File" else "orange"
    st.markdown(f"#### {as_typed(info.title, 60)} :small[:{color}-badge[{info.storage}]{origin}]")


def show_actions(lab: Lab, info: SessionInfo, *, is_busy: bool) -> None:
    """The buttons that change the session. Each opens a dialog that shows what will go."""
    off = is_busy or info.item_count == 0
    with st.container(horizontal=True, gap="small", key="actions"):
        if st.button("Undo turn", icon=":material/undo:", disabled=off):
            dialogs.undo_dialog(lab, info.session_id, lab.last_turn(info.session_id))
        if st.button("Pop item", icon=":material/backspace:", disabled=off):
            before = lab.tail(info.session_id, max(0, info.item_count - dialogs.LISTED)).items
            dialogs.pop_dialog(lab, info.session_id, lab.last_item(info.session_id), before)
        if st.button("Clear session", icon=":material/mop:", disabled=off):
            dialogs.clear_dialog(lab, info, lab.tail(info.session_id))
        chosen = st.menu_button(
            "More", MENU, icon=":material/more_horiz:", width=110, disabled=is_busy
        )
    if chosen is not None:
        open_from_menu(chosen, lab, info)


def open_from_menu(chosen: str, lab: Lab, info: SessionInfo) -> None:
    if chosen == "Rename":
        dialogs.rename_dialog(lab, info)
    elif chosen == "Fork":
        dialogs.fork_dialog(lab, info, info.item_count)
    elif chosen == "Export":
        dialogs.export_dialog(lab, info)
    elif chosen == "Import":
        dialogs.import_dialog(lab)
    elif chosen == "Delete":
        dialogs.delete_dialog(lab, info, lab.tail(info.session_id))
    elif chosen == "Restart":
        dialogs.restart_dialog(lab)


def show_suggestions() -> None:
    """What a first visitor sees: where to look, and three things to say."""
    st.markdown(
        "Say something, and watch **Items** and **Sent to model**: "
        "what is stored and what the model is sent are two lists."
    )
    for suggestion in SUGGESTIONS:
        st.button(
            suggestion,
            key=f"say-{suggestion}",
            on_click=st.session_state.update,
            args=({"say": suggestion},),
        )


def show_unanswered(lab: Lab, info: SessionInfo) -> None:
    """A banner for a question that was stored without an answer, found from the rows."""
    report = lab.report(info.session_id)
    if report is not None and report.error not in (None, STOPPED):
        st.error(as_typed(str(report.error), 600), icon=":material/error:")
    unanswered = lab.unanswered(info.session_id)
    if unanswered is None:
        return
    st.warning(
        "The last question is stored without an answer. Retry asks again without storing it "
        "twice; Remove takes it out of the session.",
        icon=":material/help:",
    )
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Retry",
            icon=":material/refresh:",
            on_click=st.session_state.update,
            args=({"retry": True},),
        )
        # What is removed is what this run of the page has found, not what a click finds later.
        st.button(
            "Remove",
            icon=":material/delete:",
            on_click=remove,
            args=(lab, info.session_id, unanswered),
        )


def remove(lab: Lab, session_id: str, unanswered: Confirmed) -> None:
    with shown_errors():
        lab.remove(session_id, unanswered, whole_turn=True)


def follow(live: LiveTurn, place: DeltaGenerator) -> None:
    """Show the reply as it is written, until it is done or a person stops it."""
    reply = LiveReply(live, place)
    with place:
        st.button("Stop", icon=":material/stop_circle:", on_click=live.stop, key="stop")
    for _ in live.follow():
        reply.draw()
    st.rerun()


main()
