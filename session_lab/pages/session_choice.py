"""Pick a session, on the pages that have no session list beside them, and name its storage."""

from __future__ import annotations

import streamlit as st

from session_lab.pages.tab import this_tab
from session_lab.runs.lab import Lab
from session_lab.store.database import SessionInfo

LISTED = 30


def storage_badge(info: SessionInfo) -> str:
    """Markdown."""
    return f":{'blue' if info.storage == 'File' else 'orange'}-badge[{info.storage}]"


def choose_session(
    lab: Lab, label: str, key: str, start: int = 0, search: str = ""
) -> SessionInfo | None:
    """One of the latest sessions that match, or what is chosen already; None if there is none.

    At first it is the one at the index `start`.
    """
    infos = {info.session_id: info for info in lab.catalog.sessions(search.strip(), LISTED)}
    tab, chosen = this_tab(), st.session_state.get(key) or ""
    # Renamed in another tab, it is still chosen by its label of before.
    known = lab.catalog.info(chosen) or lab.catalog.info(tab.labels.get(chosen, ""))
    if known is not None:
        infos.setdefault(known.session_id, known)
    ids = list(infos)
    wanted = known.session_id if known else ids[min(start, len(ids) - 1)] if ids else None
    if chosen != wanted:
        st.session_state[key] = wanted

    def described(session_id: str) -> str:
        info = infos[session_id]
        name = f"{info.title} ({session_id})" if info.title != session_id else session_id
        return tab.label(session_id, f"{name} · {info.storage}")

    # Its place in the list is not told: the list follows the conversations, and a choice that
    # moves in it would close the menu of whoever has just opened it.
    chosen = st.selectbox(label, ids, 0 if ids else None, described, key=key)
    return infos.get(chosen) if chosen else None
