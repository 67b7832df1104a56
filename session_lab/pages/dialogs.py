"""The dialogs of Chat that change a session or give it out. What destroys asks first.

Each function reads once what the dialog is about, and returns the dialog: what a person confirms
is what was shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import streamlit as st

from session_lab.history.items import assistant_item, is_user_message, text_to_edit, user_item
from session_lab.history.rules import new_findings
from session_lab.pages.dialog import LISTED, button, dialog, form, list_items, warn
from session_lab.pages.open_lab import shown_errors, wait_for
from session_lab.pages.safe_text import as_typed, count_of
from session_lab.pages.tab import Dialog, Tab
from session_lab.runs.lab import BUSY, Lab
from session_lab.store.catalog import MAX_TITLE_LENGTH
from session_lab.store.database import CatalogError, Row
from session_lab.store.seen import Seen, all_seen, last_item, last_turn
from session_lab.store.transfer import export_session

ROLES = {"user": user_item, "assistant": assistant_item}


def undo_dialog(lab: Lab, tab: Tab, session_id: str) -> Dialog:
    seen = _something(lab, session_id, last_turn(lab.catalog, session_id))
    says = f"The whole last turn goes: {count_of(len(seen.items), 'item')}."
    undo = partial(lab.remove, session_id, seen, whole_turn=True)
    return _confirm(tab, "Undo turn", says, seen, "Undo this turn", undo)


def pop_dialog(lab: Lab, tab: Tab, session_id: str) -> Dialog:
    seen = _something(lab, session_id, last_item(lab.catalog, session_id))
    whole = all_seen(lab.catalog, session_id).items
    broken = new_findings(whole, whole[:-1], lab.api)
    parts = partial(warn, broken, lab.api, "Undo turn removes all of it.")
    says = "`pop_item()` removes the newest item, whatever it is:"
    pop = partial(lab.remove, session_id, seen, whole_turn=False)
    return _confirm(tab, "Pop item", says, seen, "Pop this item", pop, parts)


def clear_dialog(lab: Lab, tab: Tab, session_id: str) -> Dialog:
    info = lab.catalog.existing(session_id)
    seen = _something(lab, session_id, all_seen(lab.catalog, session_id))
    items = count_of(seen.version.item_count, "item")
    says = f"All {items} of **{as_typed(info.title, 60)}** go. The session itself stays."
    clear = partial(lab.clear, session_id, seen.version)
    return _confirm(tab, "Clear session", says, seen, "Clear all items", clear)


def delete_dialog(lab: Lab, tab: Tab, session_id: str) -> Dialog:
    lab.catalog.changeable(session_id)
    info, seen = lab.catalog.existing(session_id), all_seen(lab.catalog, session_id)
    items = count_of(seen.version.item_count, "item")
    says = f"**{as_typed(info.title, 60)}** goes with its {items}. There is no way back."

    async def delete() -> None:
        await lab.delete(session_id, seen.version)
        tab.session_id = None

    return _confirm(tab, "Delete session", says, seen, "Delete session", delete)


def restart_dialog(lab: Lab, tab: Tab, session_id: str) -> Dialog:
    memory = [info for info in lab.catalog.sessions(limit=1000) if info.storage == "Memory"]

    def draw() -> None:
        st.write(
            "Every open session is closed, as at the end of the process, and opened again: file "
            "sessions are back, memory sessions are gone."
        )
        for info in memory[:LISTED]:
            items = count_of(info.item_count, "item")
            st.markdown(f"- {as_typed(info.title, 60)}: {items} will go")
        if not memory:
            st.caption("There is no memory session now, so nothing will be lost.")
        button(tab, "Restart now", restart, is_lost=bool(memory))

    def restart() -> None:
        gone = wait_for(lab.restart())
        kept = count_of(lab.catalog.count(), "file session")
        lost = count_of(len(gone), "memory session")
        tab.news = f"Restarted: {kept} still here, {lost} gone."
        if tab.session_id in gone:
            tab.session_id = None

    return dialog("Restart", draw)


def _something(lab: Lab, session_id: str, seen: Seen) -> Seen:
    """What was seen, if it can be removed now, or a CatalogError that says why not."""
    _free(lab, session_id)
    if seen.version.item_count == 0:
        raise CatalogError("The session holds no items, so there is nothing to remove.")
    return seen


def _free(lab: Lab, session_id: str) -> None:
    """Raises a CatalogError if the session is only read, or a reply is being written in it."""
    lab.catalog.changeable(session_id)
    if lab.live(session_id) is not None:
        raise CatalogError(BUSY)


def _confirm(
    tab: Tab,
    title: str,
    says: str,
    seen: Seen,
    label: str,
    do: Callable[[], Coroutine[Any, Any, None]],
    more: Callable[[], None] = lambda: None,
) -> Dialog:
    """Tell what goes and list it; the button `label` removes just that."""

    def draw() -> None:
        st.write(says)
        list_items(seen.items)
        if seen.unreadable:
            st.warning(
                f"{count_of(seen.unreadable, 'row')} that hold no JSON go too. The Database tab "
                "shows them.",
                icon=":material/warning:",
            )
        more()
        button(tab, label, lambda: wait_for(do()), is_lost=True)

    return dialog(title, draw)


def rename_dialog(lab: Lab, tab: Tab, session_id: str) -> Dialog:
    lab.catalog.changeable(session_id)
    info = lab.catalog.existing(session_id)
    key = f"title-{session_id}"

    def draw() -> None:
        with form(tab, "Rename", rename):
            st.text_input("Title", info.title, max_chars=MAX_TITLE_LENGTH, key=key)
            st.caption(f"The session ID stays {as_typed(session_id)}: programs find it by that.")

    def rename() -> None:
        lab.catalog.rename(session_id, st.session_state[key])

    return dialog("Rename", draw)


def add_dialog(lab: Lab, tab: Tab, session_id: str) -> Dialog:
    _free(lab, session_id)

    def draw() -> None:
        with form(tab, "Add", add):
            st.radio("Role", ROLES, horizontal=True, key="add-role")
            st.text_area("Text", key="add-text")
            st.caption("The item is stored as if it had been said. No model is asked.")

    def add() -> None:
        text, make = _typed_text("add-text", "item"), ROLES[st.session_state["add-role"]]
        wait_for(lab.add_item(session_id, make(text)))

    return dialog("Add an item", draw)


def edit_dialog(lab: Lab, tab: Tab, session_id: str, row: Row) -> Dialog:
    _free(lab, session_id)
    key = f"edit-text-{row.id}"
    turn = last_turn(lab.catalog, session_id)
    starts_last_turn = is_user_message(row.item) and row.id in [each.id for each in turn.rows]

    def draw() -> None:
        with st.form("Save", border=False):
            st.text_area("Text", text_to_edit(row.item) or "", key=key)
            st.caption("Save leaves the items after it as they are: nothing is answered anew.")
            button(tab, "Save", edit, st.form_submit_button)
            if starts_last_turn:
                st.caption(
                    f"Send again removes the last turn, {count_of(len(turn.items), 'item')}, and "
                    "sends this text as a new message."
                )
                button(tab, "Send again", send_again, st.form_submit_button, is_lost=True)

    def edit() -> None:
        wait_for(lab.edit_item(session_id, row, _typed_text(key, "message")))

    def send_again() -> None:
        text = _typed_text(key, "message")
        wait_for(lab.remove(session_id, turn, whole_turn=True))
        tab.said.append((session_id, text))
        st.session_state["view"] = "Chat"  # Where a narrow window shows the reply.

    return dialog("Edit a message", draw)


def export_dialog(lab: Lab, tab: Tab, session_id: str) -> Dialog:
    info, items = lab.catalog.existing(session_id), all_seen(lab.catalog, session_id).items

    def draw() -> None:
        st.write(f"{count_of(len(items), 'item')} as a JSON file that Import reads back.")
        if not items:
            st.info("The session holds no items yet.")
            return
        with shown_errors():
            st.download_button(
                "Download JSON",
                export_session(session_id, info.title, items),
                file_name=file_name(session_id, "json"),
                mime="application/json",
                type="primary",
                on_click="ignore",
            )

    return dialog("Export", draw)


def file_name(session_id: str, ending: str) -> str:
    """A file name for any session ID, `../` included."""
    safe = re.sub(r"[^\w-]+", "_", session_id)[:60]
    return f"{safe}.{ending}"


def _typed_text(key: str, noun: str) -> str:
    text: str = st.session_state[key]
    if not text.strip():
        raise CatalogError(f"Type the text of the {noun}.")
    return text
