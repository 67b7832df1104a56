"""Pick a session, on the pages that have no session list beside them, and name its storage."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from session_lab.runs.lab import Lab
from session_lab.store.database import SessionInfo

LISTED = 30


def storage_badge(info: SessionInfo) -> str:
    """Markdown."""
    return f":{'blue' if info.storage == 'File' else 'orange'}-badge[{info.storage}]"


def listed(lab: Lab, keys: Sequence[str], search: str = "") -> dict[str, SessionInfo]:
    """The latest sessions that match, and those that the widgets `keys` have chosen already."""
    infos = {info.session_id: info for info in lab.catalog.sessions(search.strip(), LISTED)}
    for key in keys:
        chosen = st.session_state.get(key)
        if chosen and (info := lab.catalog.info(chosen)):
            infos.setdefault(chosen, info)
    return infos


def choose_session(
    label: str, key: str, infos: dict[str, SessionInfo], start: int
) -> SessionInfo | None:
    """One of `infos`, at first the one at the index `start`; None if there is none."""

    def described(session_id: str) -> str:
        info = infos[session_id]
        name = f"{info.title} ({session_id})" if info.title != session_id else session_id
        return f"{name} · {info.storage}"

    ids = list(infos)
    if st.session_state.get(key) not in infos:
        st.session_state[key] = ids[min(start, len(ids) - 1)] if ids else None
    # Its place in the list is not told: the list follows the conversations, and a choice that
    # moves in it would close the menu of whoever has just opened it.
    chosen = st.selectbox(label, ids, 0 if ids else None, described, key=key)
    return infos.get(chosen) if chosen else None
