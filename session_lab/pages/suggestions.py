"""What a visitor can try next: one path from a fact to its loss and back, for every agent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from session_lab.code_view.agents import TRY, AgentName
from session_lab.history.items import is_user_message, text_of
from session_lab.history.policies import MemoryPolicy
from session_lab.pages.dialog import dialog_button
from session_lab.pages.dialogs import restart_dialog
from session_lab.pages.tab import Tab, say
from session_lab.pages.welcome import show_welcome
from session_lab.runs.lab import Lab
from session_lab.store.database import Row

FACT = "My name is Alice and I live in Oslo."
QUESTION = "What is my name?"
NEXT = ":material/arrow_forward:"
BRIDGE = "What city is the Golden Gate Bridge in?"


def show_first(tab: Tab, agent: AgentName) -> None:
    """In an empty session."""
    show_welcome()
    for text in (FACT, TRY[agent], BRIDGE):
        _say(tab, text)


def show_next(lab: Lab, tab: Tab, rows: Sequence[Row], policy: MemoryPolicy) -> None:
    """The next step of: say a fact, limit the memory, ask, send everything again, ask, restart."""
    said = [text_of(row.item) for row in rows if is_user_message(row.item)]
    asked = said.count(QUESTION)
    is_limited = policy != MemoryPolicy()
    if FACT not in said:
        _say(tab, FACT)
    elif asked == (0 if is_limited else 1):
        _say(tab, QUESTION)
    elif asked == 0:
        limit = {"memory": "Last N items", "memory-items": 1.0}
        _button("Send only the last item from now on", partial(st.session_state.update, limit))
    elif is_limited:
        everything = {"memory": "Everything"}
        _button("Send everything again", partial(st.session_state.update, everything))
    else:
        dialog_button("Restart: what is still there?", lab, tab, restart_dialog, icon=NEXT)


def _say(tab: Tab, text: str) -> None:
    st.button(text, key=f"say-{text}", icon=":material/chat:", on_click=say, args=(tab, text))


def _button(label: str, do: partial[None]) -> None:
    st.button(label, icon=NEXT, on_click=do)
