"""The dialogs of Chat. What destroys shows what will go and asks first."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from session_lab.history.items import Item, assistant_item, text_of, user_item
from session_lab.history.turns import pop_splits_pair
from session_lab.pages.open_lab import shown_errors
from session_lab.pages.safe_text import as_typed, count_of, item_line
from session_lab.pages.tab import Tab, carry_out, close_if_done, dismiss
from session_lab.runs.lab import Confirmed, Lab
from session_lab.store.catalog import (
    MAX_ID_LENGTH,
    MAX_TITLE_LENGTH,
    CatalogError,
    session_id_problem,
)
from session_lab.store.database import Row, SessionInfo, Storage
from session_lab.store.transfer import MAX_BYTES, TransferError, export_session, parse_session

STORAGES: tuple[Storage, ...] = ("File", "Memory")
STORAGE_CAPTIONS = ("Kept on disk; there after a restart.", "Gone when the app ends.")
LISTED = 20


@st.dialog("New session", on_dismiss=dismiss)
def new_session_dialog(lab: Lab, tab: Tab) -> None:
    close_if_done(tab)
    with st.form("new_session", border=False):
        st.text_input(
            "Session ID",
            placeholder="user_123",
            max_chars=MAX_ID_LENGTH,
            help="One ID is one conversation. Name who or what it belongs to.",
            key="new-id",
        )
        _storage_choice()
        st.form_submit_button(
            "Create", type="primary", on_click=carry_out, args=(tab, partial(_create, lab, tab))
        )


def _create(lab: Lab, tab: Tab) -> None:
    session_id, storage = _typed_id(), st.session_state["storage"]
    if not lab.create(session_id, storage):
        tab.news = f"{as_typed(session_id, 60)} exists already: opened, nothing changed."
    tab.session_id = session_id


@st.dialog("Undo turn", on_dismiss=dismiss)
def undo_dialog(lab: Lab, tab: Tab, session_id: str, confirmed: Confirmed) -> None:
    close_if_done(tab)
    st.write(f"The whole last turn goes: {count_of(len(confirmed.items), 'item')}.")
    _list_items(confirmed.items)
    _warn_of_unreadable(confirmed)
    _button(tab, "Undo this turn", partial(lab.remove, session_id, confirmed, whole_turn=True))


@st.dialog("Pop item", on_dismiss=dismiss)
def pop_dialog(
    lab: Lab, tab: Tab, session_id: str, confirmed: Confirmed, before: Sequence[Item]
) -> None:
    """`before` is the end of the session; its last item is `confirmed`, the one that goes."""
    close_if_done(tab)
    st.write("`pop_item()` removes the newest item, whatever it is:")
    _list_items(confirmed.items)
    _warn_of_unreadable(confirmed)
    if pop_splits_pair(before):
        st.warning(
            "This parts a tool call from its output. The SDK sends no call without its output. An "
            "output without its call is sent, unless a limit is set, and OpenAI refuses the "
            "request. Undo turn removes both.",
            icon=":material/link_off:",
        )
    _button(tab, "Pop this item", partial(lab.remove, session_id, confirmed, whole_turn=False))


@st.dialog("Clear session", on_dismiss=dismiss)
def clear_dialog(lab: Lab, tab: Tab, info: SessionInfo, confirmed: Confirmed) -> None:
    close_if_done(tab)
    items = count_of(confirmed.version.item_count, "item")
    st.write(f"All {items} of **{as_typed(info.title, 60)}** go. The session itself stays.")
    _list_items(confirmed.items, confirmed.version.item_count)
    _button(tab, "Clear all items", partial(lab.clear, info.session_id, confirmed.version))


@st.dialog("Delete session", on_dismiss=dismiss)
def delete_dialog(lab: Lab, tab: Tab, info: SessionInfo, confirmed: Confirmed) -> None:
    close_if_done(tab)
    items = count_of(confirmed.version.item_count, "item")
    st.write(f"**{as_typed(info.title, 60)}** goes with its {items}. There is no way back.")
    _list_items(confirmed.items, confirmed.version.item_count)

    def delete() -> None:
        lab.delete(info.session_id, confirmed.version)
        tab.session_id = None

    _button(tab, "Delete session", delete)


@st.dialog("Rename", on_dismiss=dismiss)
def rename_dialog(lab: Lab, tab: Tab, info: SessionInfo) -> None:
    close_if_done(tab)
    with st.form("rename", border=False):
        key = f"title-{info.session_id}"
        st.text_input("Title", info.title, max_chars=MAX_TITLE_LENGTH, key=key)
        st.caption(f"The session ID stays {as_typed(info.session_id)}: programs find it by that.")

        def rename() -> None:
            lab.catalog.rename(info.session_id, st.session_state[key])

        st.form_submit_button("Rename", type="primary", on_click=carry_out, args=(tab, rename))


@st.dialog("Fork", on_dismiss=dismiss)
def fork_dialog(lab: Lab, tab: Tab, info: SessionInfo, item_count: int) -> None:
    """Offer to copy the first `item_count` items."""
    close_if_done(tab)
    st.write(
        f"The first {item_count:,} of {count_of(info.item_count, 'item')} are copied into a new "
        "session. The two go separate ways from there."
    )

    def fork() -> None:
        new_id, storage = _typed_id(), st.session_state["storage"]
        lab.fork(info.session_id, new_id, item_count, storage)
        tab.session_id = new_id

    with st.form("fork", border=False):
        _id_input(_free_id(lab, info.session_id))
        _storage_choice()
        st.form_submit_button("Fork", type="primary", on_click=carry_out, args=(tab, fork))


@st.dialog("Export", on_dismiss=dismiss)
def export_dialog(lab: Lab, info: SessionInfo) -> None:
    items = lab.tail(info.session_id).items
    st.write(f"{count_of(len(items), 'item')} as a JSON file that Import reads back.")
    if not items:
        st.info("The session holds no items yet.")
        return
    with shown_errors():
        text = export_session(info.session_id, info.title, items)
        _show_download(info, text)


def _show_download(info: SessionInfo, text: str) -> None:
    st.download_button(
        "Download JSON",
        text,
        file_name=file_name(info.session_id, "json"),
        mime="application/json",
        type="primary",
        on_click="ignore",
    )


def file_name(session_id: str, ending: str) -> str:
    """A file name for any session ID, `../` included."""
    safe = re.sub(r"[^\w-]+", "_", session_id)[:60]
    return f"{safe}.{ending}"


@st.dialog("Import", on_dismiss=dismiss)
def import_dialog(lab: Lab, tab: Tab) -> None:
    close_if_done(tab)
    upload = st.file_uploader(
        "A session that was exported as JSON",
        type="json",
        max_upload_size=MAX_BYTES // 1_000_000,
    )
    if upload is None:
        return
    try:
        found = parse_session(upload.getvalue())
    except TransferError as error:
        st.error(as_typed(str(error), 500))
        return
    st.write(f"**{as_typed(found.title, 60)}** holds {count_of(len(found.items), 'item')}.")
    _list_items(found.items)

    def import_session() -> None:
        new_id = _typed_id()
        lab.import_items(new_id, found.title, found.items)
        tab.session_id = new_id

    _id_input(_free_id(lab, found.session_id))
    _button(tab, "Import as a new session", import_session)


@st.dialog("Restart", on_dismiss=dismiss)
def restart_dialog(lab: Lab, tab: Tab) -> None:
    close_if_done(tab)
    st.write(
        "Every open session is closed, as at the end of the process, and opened again: file "
        "sessions are back, memory sessions are gone."
    )
    memory = [info for info in lab.catalog.sessions(limit=1000) if info.storage == "Memory"]
    for info in memory[:LISTED]:
        st.markdown(f"- {as_typed(info.title, 60)}: {count_of(info.item_count, 'item')} will go")
    if not memory:
        st.caption("There is no memory session now, so nothing will be lost.")

    def restart() -> None:
        gone = lab.restart()
        kept = count_of(lab.catalog.count(), "file session")
        lost = count_of(len(gone), "memory session")
        tab.news = f"Restarted: {kept} still here, {lost} gone."

    _button(tab, "Restart now", restart)


@st.dialog("Add an item", on_dismiss=dismiss)
def add_dialog(lab: Lab, tab: Tab, session_id: str) -> None:
    close_if_done(tab)

    def add() -> None:
        text, role = _typed_text("add-text", "item"), st.session_state["add-role"]
        lab.add_item(session_id, user_item(text) if role == "user" else assistant_item(text))

    with st.form("add", border=False):
        st.radio("Role", ("user", "assistant"), horizontal=True, key="add-role")
        st.text_area("Text", key="add-text")
        st.caption("The item is stored as if it had been said. No model is asked.")
        st.form_submit_button("Add", type="primary", on_click=carry_out, args=(tab, add))


@st.dialog("Edit a message", on_dismiss=dismiss)
def edit_dialog(lab: Lab, tab: Tab, session_id: str, row: Row) -> None:
    close_if_done(tab)
    key = f"edit-text-{row.id}"

    def edit() -> None:
        lab.edit_item(session_id, row, _typed_text(key, "message"))

    with st.form("edit", border=False):
        st.text_area("Text", text_of(row.item), key=key)
        st.caption("The items after it stay as they are: nothing is answered anew.")
        st.form_submit_button("Save", type="primary", on_click=carry_out, args=(tab, edit))


def _button(tab: Tab, label: str, do: Callable[[], None]) -> None:
    st.button(label, type="primary", on_click=carry_out, args=(tab, do))


def _storage_choice() -> None:
    st.radio("Storage", STORAGES, captions=STORAGE_CAPTIONS, horizontal=True, key="storage")


def _id_input(proposed: str) -> None:
    st.text_input("Session ID", proposed, max_chars=MAX_ID_LENGTH, key="new-id")


def _typed_id() -> str:
    session_id: str = st.session_state["new-id"].strip()
    if problem := session_id_problem(session_id):
        raise CatalogError(problem)
    return session_id


def _typed_text(key: str, noun: str) -> str:
    text: str = st.session_state[key]
    if not text.strip():
        raise CatalogError(f"Type the text of the {noun}.")
    return text


def _warn_of_unreadable(confirmed: Confirmed) -> None:
    if confirmed.unreadable:
        st.warning(
            f"{count_of(confirmed.unreadable, 'row')} that hold no JSON go too: `pop_item()` "
            "drops what it can't read. The Database tab shows them.",
            icon=":material/warning:",
        )


def _list_items(items: Sequence[Any], total: int | None = None) -> None:
    shown = items[-LISTED:]
    more = (len(items) if total is None else total) - len(shown)
    if more > 0:
        st.caption(f"{more:,} earlier, then:")
    for item in shown:
        st.markdown(f"- {item_line(item, 90)}")


def _free_id(lab: Lab, base: str) -> str:
    """`base_2`, or the next number that is free."""
    base = base[: MAX_ID_LENGTH - 6]
    number = 2
    while lab.catalog.info(f"{base}_{number}"):
        number += 1
    return f"{base}_{number}"
