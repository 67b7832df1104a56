"""Chat: the conversation in the middle, the inspector on its right."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from session_lab.code_view.agents import AgentName
from session_lab.history.policies import MemoryPolicy
from session_lab.pages import dialogs, new_session_dialogs
from session_lab.pages.components import read_aloud
from session_lab.pages.conversation import follow, live_reply, show_reply, show_rows
from session_lab.pages.dialog import dialog_button
from session_lab.pages.inspector import NEXT, show_inspector, show_request_of
from session_lab.pages.open_lab import open_lab, shown_errors, wait_for
from session_lab.pages.safe_text import as_typed, count_of
from session_lab.pages.session_choice import storage_badge
from session_lab.pages.sidebar import chosen_session, show_sidebar
from session_lab.pages.strip import show_strip
from session_lab.pages.suggestions import show_first, show_next
from session_lab.pages.tab import MESSAGE, Dialog, Tab, ask, carry_out, say, show_outcome, this_tab
from session_lab.runs.lab import Lab
from session_lab.runs.outlook import Outlook
from session_lab.runs.session_log import LiveTurn
from session_lab.runs.turn import STOPPED
from session_lab.store.database import CatalogError, SessionInfo
from session_lab.store.seen import unanswered

SHOWN_ROWS = 40
MORE_ROWS = 400
"""Added by each press, so that one shows nearly every conversation as a whole, to print it, say."""
HEIGHT = 440
ACTIONS = (
    ("Undo turn", "undo", dialogs.undo_dialog),
    ("Pop item", "backspace", dialogs.pop_dialog),
    ("Clear session", "mop", dialogs.clear_dialog),
)
MENU: dict[str, Callable[[Lab, Tab, str], Dialog]] = {
    "Rename": dialogs.rename_dialog,
    "Fork": new_session_dialogs.fork_dialog,
    "Export": dialogs.export_dialog,
    "Import": new_session_dialogs.import_dialog,
    "Repair": new_session_dialogs.repair_dialog,
    "Delete": dialogs.delete_dialog,
    "Restart": dialogs.restart_dialog,
}


def main() -> None:
    lab, tab = open_lab(), this_tab()
    with shown_errors():
        with st.container():  # One place, filled or not: the input below must not move.
            show_outcome(tab)
            info = chosen_session(lab, tab)
        agent, policy = show_sidebar(lab, tab, info)
        send_what_was_said(lab, tab, info, agent, policy)
        live = lab.live(info.session_id)
        if live is None:
            give_back(tab, info.session_id)
        middle, right = chat_and_memory()
        conversation = middle.container(key="above-input")
        # Below the conversation. At the page's end, a phone would open on the inspector.
        below = middle.container()
        outlook = wait_for(lab.outlook(info.session_id, agent, policy))
        with conversation:
            writing = show_conversation(lab, tab, info, agent, policy, live, outlook)
        with right:
            show_inspector(lab, tab, info, agent, policy, outlook)
        with st.sidebar:  # Where it takes no room.
            read_aloud("conversation", "Conversation")
        is_opened = info.storage == "Opened"
        below.chat_input(
            "Read-only: Fork copies it into the lab" if is_opened else "Message the agent",
            key=MESSAGE,
            on_submit=say,
            args=(tab,),
            disabled=tab.dialog is not None or is_opened,
        )
        if tab.dialog is not None:  # Last, so that nobody can type behind a dialog.
            tab.dialog()
        if live is not None:
            follow(live, writing, [live_reply(live, writing)])


def chat_and_memory() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Two columns. A narrow window has room for one: the style sheet shows it a switch.

    They keep their keys. With another one a side is made anew, scrolled to its end.
    """
    view = st.segmented_control(
        "View",
        ("Chat", "Memory"),
        default="Chat",
        required=True,
        key="view",
        label_visibility="collapsed",
        width="stretch",
    )
    hidden = ".stColumn:has(.st-key-memory-side)"
    if view == "Memory":
        hidden = ".stColumn:has(.st-key-chat-side)"
    st.html(f"<style>@media (max-width: 1000px) {{{hidden} {{display: none}}}}</style>")
    left, right = st.columns([11, 9], gap="medium")
    return left.container(key="chat-side"), right.container(key="memory-side")


def send_what_was_said(
    lab: Lab, tab: Tab, info: SessionInfo, agent: AgentName, policy: MemoryPolicy
) -> None:
    """Start the runs that were asked for, each in the session it was asked in.

    What can't be sent, because another tab was faster, say, is back in the input when that is free.
    """
    problems = []
    while tab.said:  # No Streamlit call in here: it could end the script in between.
        session_id, text = tab.said.pop(0)
        try:
            tab.sent[session_id] = wait_for(lab.send(session_id, text, agent, policy))
            st.session_state[f"request-{session_id}"] = NEXT  # Its items are what is looked for.
        except CatalogError as error:
            waits = "" if text is None else " What you typed waits in the input."
            problems.append(as_typed(str(error)) + waits)
            if text is not None:
                known = lab.catalog.info(session_id) or info
                tab.unsent[known.session_id] = text
    for problem in problems:
        st.toast(problem)


def give_back(tab: Tab, session_id: str) -> None:
    """Put what is neither sent nor stored back into the input."""
    sent = tab.sent.pop(session_id, None)
    if sent and sent.text and sent.report and sent.report.error and not sent.report.stored:
        tab.unsent[session_id] = sent.text
    if session_id in tab.unsent:
        st.session_state[MESSAGE] = tab.unsent.pop(session_id)


def show_conversation(
    lab: Lab,
    tab: Tab,
    info: SessionInfo,
    agent: AgentName,
    policy: MemoryPolicy,
    live: LiveTurn | None,
    outlook: Outlook | None,
) -> DeltaGenerator:
    """Title, strip, actions and messages; returns the place for the reply that is being written."""
    database = lab.catalog.database(info.session_id)
    shown = st.session_state.get(f"shown-{info.session_id}", SHOWN_ROWS)
    version = database.version(info.session_id)
    rows = database.rows(info.session_id, last=shown)
    hidden = version.item_count - len(rows)
    if live is not None:  # What the run has stored so far is drawn by `follow`.
        rows = [row for row in rows if row.id <= live.after_row]
    show_title(info)
    if outlook is not None:
        show_strip(outlook.cells, outlook.sentence())
    show_actions(lab, tab)
    with st.container(height=HEIGHT, autoscroll=True, key="conversation"):
        if hidden > 0:
            st.button(
                f"Show earlier items ({hidden:,} more)",
                on_click=st.session_state.update,
                args=({f"shown-{info.session_id}": shown + MORE_ROWS},),
            )
        reports = database.reports(info.session_id, rows[0].id if rows else 0)
        show_rows(rows, reports, on_request=partial(show_request_of, info.session_id))
        # One place, because Streamlit leaves what is drawn no more standing until the script ends.
        notice = st.empty()
        if live is None and info.storage != "Opened":  # What is only read offers no next step.
            with notice.container():
                is_answered = show_unanswered(lab, tab, info)
                if not rows:
                    show_first(tab, agent)
                elif is_answered:
                    show_next(lab, tab, rows, policy)
        return st.container()


def show_title(info: SessionInfo) -> None:
    origin = ""
    if info.forked_from is not None:
        items = count_of(info.forked_items or 0, "item")
        origin = f" · fork of {as_typed(info.forked_from, 40)} after {items}"
    st.markdown(f"#### {as_typed(info.title, 60)} :small[{storage_badge(info)}{origin}]")


def show_actions(lab: Lab, tab: Tab) -> None:
    """The buttons that change the session. Each opens a dialog that shows what will go.

    They are never switched off: Streamlit drops the press of a button that was off in the script
    before, without a word. `ask` says why nothing can be done.
    """
    with st.container(horizontal=True, gap="small", key="actions"):
        for label, icon, make_dialog in ACTIONS:
            dialog_button(label, lab, tab, make_dialog, icon=f":material/{icon}:")
        st.menu_button(
            "More",
            MENU,
            key="more",
            icon=":material/more_horiz:",
            width=110,
            on_click=ask,
            args=(tab, lambda session_id: MENU[st.session_state["more"]](lab, tab, session_id)),
        )


def show_unanswered(lab: Lab, tab: Tab, info: SessionInfo) -> bool:
    """A banner for a question that was stored without an answer; True if there is none.

    It is found from the rows.
    """
    if words := lab.log(info.session_id).unstored_words:
        with st.chat_message("assistant"):
            show_reply(words, f"unstored-{info.session_id}")
            st.caption("Not stored: the reply was broken off here.")
    report = lab.log(info.session_id).report
    if report is not None and report.error not in (None, STOPPED):
        st.error(as_typed(str(report.error), 600), icon=":material/error:")
    question = unanswered(lab.catalog, info.session_id)
    if question is None:
        return True
    st.warning(
        "The last question is stored without an answer. Retry asks again without storing it "
        "twice; Remove takes it out of the session.",
        icon=":material/help:",
    )
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Retry",
            key=f"retry-{info.session_id}",
            icon=":material/refresh:",
            on_click=tab.said.append,
            args=((info.session_id, None),),
        )
        # What is removed is what this run of the page has found, not what a click finds later.
        st.button(
            "Remove",
            key=f"remove-{info.session_id}",
            icon=":material/delete:",
            on_click=carry_out,
            args=(tab, lambda: wait_for(lab.remove(info.session_id, question, whole_turn=True))),
        )
    return False


main()
