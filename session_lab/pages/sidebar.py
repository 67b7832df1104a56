"""The sidebar of Chat: pick or create a session, choose who answers and what is remembered."""

from __future__ import annotations

import math
from typing import Literal, cast

import streamlit as st

from session_lab.code_view.agents import ACCEPTED, AGENT_NAMES, AgentName
from session_lab.history.policies import POLICY_KINDS, MemoryPolicy, PolicyKind
from session_lab.models.choose import describe_model
from session_lab.pages.conversation import MARKDOWN
from session_lab.pages.dialog import dialog_button
from session_lab.pages.new_session_dialogs import new_session_dialog
from session_lab.pages.open_lab import wait_for
from session_lab.pages.safe_text import age, as_typed, count_of
from session_lab.pages.session_choice import storage_badge
from session_lab.pages.tab import OPEN, Tab, ask
from session_lab.runs.lab import Lab
from session_lab.store.database import SessionInfo

PER_PAGE = 30
ALL = 1_000_000_000
"""So that one search both lists and counts: with a second one for the count, each took as long."""
FIRST_SESSION = "my_first_session"
POLICY_HELP = """What of the stored history is sent with the next message. Nothing stored changes.

- **Everything**: all items, the SDK's default.
- **Last N items**: `SessionSettings(limit=N)`; short, but it can start in the middle of a turn, and
  each request begins differently, which a prompt cache cannot reuse.
- **Last N turns**: whole turns, so a tool call is never parted from its output.
- **Summary**: the newest N turns, and a summary that the model writes of the older ones."""

MARKDOWN_HELP = """Off, replies stand as they are stored, character by character. On, they are read
as Streamlit's Markdown, in which `~`, `$` and `:` can mean something."""


def chosen_session(lab: Lab, tab: Tab) -> SessionInfo:
    """The session in view, else the latest, which is told, else a first one for a visitor."""
    wanted = tab.session_id
    info = lab.catalog.info(wanted) if wanted else None
    if wanted and info is None:
        st.warning(
            f"There is no session **{as_typed(wanted, 60)}**, so this is the latest one. A memory "
            "session ends with the app or with Restart.",
            icon=":material/info:",
        )
    if info is None:
        latest = lab.catalog.sessions(limit=1)
        if not latest:
            wait_for(lab.create(FIRST_SESSION, "File"))
        info = latest[0] if latest else lab.catalog.existing(FIRST_SESSION)
        tab.session_id = info.session_id
    if st.query_params.get("session") != info.session_id:
        st.query_params["session"] = info.session_id
    return info


def show_sidebar(lab: Lab, tab: Tab, chosen: SessionInfo) -> tuple[AgentName, MemoryPolicy]:
    """Draw the sidebar; returns the choices that the next message uses."""
    with st.sidebar:
        look = {"icon": ":material/add:", "type": "primary", "width": "stretch"}
        dialog_button("New session", lab, tab, new_session_dialog, **look)
        search = st.text_input(
            "Find a session", placeholder="Title, ID or text", key="find", icon=":material/search:"
        )
        _show_sessions(lab, tab, search.strip(), chosen.session_id)
        agent = cast(
            AgentName,
            st.selectbox(
                "Agent",
                AGENT_NAMES,
                key="agent",
                bind="query-params",
                help="Who answers next. All agents can share one session.",
            ),
        )
        st.caption(ACCEPTED[agent])
        policy = policy_choice()
        st.toggle("Markdown", key=MARKDOWN, bind="query-params", help=MARKDOWN_HELP)
        name = describe_model(lab.model)
        short, whole = as_typed(name.split(" (")[0]), as_typed(name)
        st.badge(short, icon=":material/memory:", color="gray", help=whole)
    return agent, policy


def _show_sessions(lab: Lab, tab: Tab, search: str, chosen_id: str) -> None:
    found = lab.catalog.sessions(search, limit=ALL)
    if not found:
        st.caption(f"No session contains {as_typed(search, 60)}.")
        return
    pages = math.ceil(len(found) / PER_PAGE)
    # A search that finds less may leave the chosen page behind the last one.
    page = min(st.session_state.get(f"page-{pages}", 1), pages)
    shown = found[(page - 1) * PER_PAGE : page * PER_PAGE]
    places = {session_id: place for place, session_id in enumerate(tab.listed)}
    if page == 1:  # The open session is there, however old it is.
        shown += [info for info in found[PER_PAGE:] if info.session_id == chosen_id]
    new = {chosen_id: -2}  # Above all others, until it has a place.
    shown.sort(key=lambda info: places.get(info.session_id, new.get(info.session_id, -1)))
    infos = {info.session_id: info for info in shown}
    tab.listed = list(infos)
    labels = {
        session_id: tab.label(session_id, as_typed(_shorter(info.title)))
        for session_id, info in infos.items()
    }

    # A radio, not buttons: the browser sends its value with whatever is pressed next, so that no
    # choice is lost when another request overtakes it.
    in_view = chosen_id if chosen_id in infos else None
    marked = labels.get(chosen_id, "")
    if (st.session_state.get(OPEN), tab.marked) != (in_view, marked):
        st.session_state[OPEN], tab.marked = in_view, marked
    height: int | Literal["content"] = "content" if len(found) <= 4 else 300
    with st.container(height=height, border=False, key="sessions"):
        st.radio(
            "Sessions",
            infos,
            None,
            labels.__getitem__,
            key=OPEN,
            on_change=ask,
            args=(tab, lambda session_id: None),
            captions=[_caption(info) for info in infos.values()],
            label_visibility="collapsed",
        )
    if pages > 1:
        st.pagination(pages, max_visible_pages=3, key=f"page-{pages}")


def _shorter(title: str) -> str:
    """With both of its ends, since a long ID often differs from others in its last characters."""
    return title if len(title) <= 40 else f"{title[:22]}…{title[-17:]}"


def _caption(info: SessionInfo) -> str:
    items = count_of(info.item_count, "item")
    name = "" if info.title == info.session_id else f" · {as_typed(info.session_id, 30)}"
    return f"{storage_badge(info)} {items} · {age(info.updated)}{name}"


def policy_choice(
    label: str = "Memory", key: str = "memory", start: int = 0, items: int = 6
) -> MemoryPolicy:
    """The choice of a memory policy, and of its N. Both stand in the address.

    `start` is the index of the first choice, `items` the first N of `Last N items`.
    """
    chosen = st.selectbox(
        label, POLICY_KINDS, start, key=key, bind="query-params", help=POLICY_HELP
    )
    kind = cast(PolicyKind, chosen)
    if kind == "Everything":
        return MemoryPolicy()
    unit = "items" if kind == "Last N items" else "turns"
    label = f"N (stored {unit} sent)" if kind != "Summary" else "N (newest turns sent as they are)"
    n_key = key + "-" + kind.split()[-1].lower()  # Each kind remembers its own.
    default = items if unit == "items" else 2
    # Not with whole numbers: there `inf` in the address ends in a traceback of Streamlit.
    n = st.number_input(
        label, 1.0, 1000.0, float(default), 1.0, "%.0f", key=n_key, bind="query-params"
    )
    return MemoryPolicy(kind, round(n))
