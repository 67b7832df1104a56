"""The dialogs of Chat. What destroys shows what will go and asks first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

import streamlit as st

from session_lab.catalog import MAX_ID_LENGTH, MAX_TITLE_LENGTH, CatalogError, session_id_problem
from session_lab.database import Row, SessionInfo, Storage
from session_lab.items import Item, assistant_item, kind, one_line, text_of, user_item
from session_lab.lab import Confirmed, Lab
from session_lab.pages.shared import shown_errors
from session_lab.pages.shown_text import as_typed, count_of
from session_lab.transfer import MAX_BYTES, TransferError, export_session, parse_session
from session_lab.turns import pop_splits_pair

STORAGES: tuple[Storage, ...] = ("File", "Memory")
STORAGE_CAPTIONS = ("Kept on disk; there after a restart.", "Gone when the app ends.")
LISTED = 20


def go_to(session_id: str) -> None:
    """Open a session; the dialog that asked for it closes."""
    st.query_params["session"] = session_id
    st.rerun()


@st.dialog("New session")
def new_session_dialog(lab: Lab) -> None:
    with st.form("new_session", border=False):
        session_id = st.text_input(
            "Session ID",
            placeholder="user_123",
            max_chars=MAX_ID_LENGTH,
            help="One ID is one conversation. Name who or what it belongs to.",
        )
        storage = _storage_choice()
        created = st.form_submit_button("Create", type="primary")
    if created:
        session_id = session_id.strip()
        if problem := session_id_problem(session_id):
            st.error(problem)
            return
        with shown_errors():
            if not lab.create(session_id, storage):
                st.toast(f"{as_typed(session_id, 60)} exists already: opened, nothing changed.")
            go_to(session_id)


@st.dialog("Undo turn")
def undo_dialog(lab: Lab, session_id: str, confirmed: Confirmed) -> None:
    st.write(f"The whole last turn goes: {count_of(len(confirmed.items), 'item')}.")
    _list_items(confirmed.items)
    _warn_of_unreadable(confirmed)
    if st.button("Undo this turn", type="primary"):
        _do(lambda: lab.remove(session_id, confirmed, whole_turn=True))


@st.dialog("Pop item")
def pop_dialog(lab: Lab, session_id: str, confirmed: Confirmed, before: Sequence[Item]) -> None:
    """`before` is the end of the session; its last item is `confirmed`, the one that goes."""
    st.write("`pop_item()` removes the newest item, whatever it is:")
    _list_items(confirmed.items)
    _warn_of_unreadable(confirmed)
    if pop_splits_pair(before):
        st.warning(
            "This parts a tool call from its output. The half that stays is stored but the SDK "
            "no longer sends it. Undo turn removes both.",
            icon=":material/link_off:",
        )
    if st.button("Pop this item", type="primary"):
        _do(lambda: lab.remove(session_id, confirmed, whole_turn=False))


@st.dialog("Clear session")
def clear_dialog(lab: Lab, info: SessionInfo, confirmed: Confirmed) -> None:
    items = count_of(confirmed.version.item_count, "item")
    st.write(f"All {items} of **{as_typed(info.title, 60)}** go. The session itself stays.")
    _list_items(confirmed.items, confirmed.version.item_count)
    if st.button("Clear all items", type="primary"):
        _do(lambda: lab.clear(info.session_id, confirmed.version))


@st.dialog("Delete session")
def delete_dialog(lab: Lab, info: SessionInfo, confirmed: Confirmed) -> None:
    items = count_of(confirmed.version.item_count, "item")
    st.write(f"**{as_typed(info.title, 60)}** goes with its {items}. There is no way back.")
    _list_items(confirmed.items, confirmed.version.item_count)
    if st.button("Delete session", type="primary"):
        with shown_errors():
            lab.delete(info.session_id, confirmed.version)
            del st.query_params["session"]
            st.rerun()


@st.dialog("Rename")
def rename_dialog(lab: Lab, info: SessionInfo) -> None:
    with st.form("rename", border=False):
        title = st.text_input("Title", info.title, max_chars=MAX_TITLE_LENGTH)
        st.caption(f"The session ID stays {as_typed(info.session_id)}: programs find it by that.")
        renamed = st.form_submit_button("Rename", type="primary")
    if renamed:
        _do(lambda: lab.catalog.rename(info.session_id, title))


@st.dialog("Fork")
def fork_dialog(lab: Lab, info: SessionInfo, item_count: int) -> None:
    """Offer to copy the first `item_count` items."""
    st.write(
        f"The first {item_count:,} of {count_of(info.item_count, 'item')} are copied into a new "
        "session. The two go separate ways from there."
    )
    with st.form("fork", border=False):
        new_id = st.text_input(
            "Session ID", _free_id(lab, info.session_id), max_chars=MAX_ID_LENGTH
        )
        storage = _storage_choice()
        forked = st.form_submit_button("Fork", type="primary")
    if forked:
        with shown_errors():
            if problem := session_id_problem(new_id.strip()):
                raise CatalogError(problem)
            lab.fork(info.session_id, new_id.strip(), item_count, storage)
            go_to(new_id.strip())


@st.dialog("Export")
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


@st.dialog("Import")
def import_dialog(lab: Lab) -> None:
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
    new_id = st.text_input(
        "Session ID", _free_id(lab, found.session_id), max_chars=MAX_ID_LENGTH
    ).strip()
    if st.button("Import as a new session", type="primary"):
        with shown_errors():
            lab.import_items(new_id, found.title, found.items)
            go_to(new_id)


@st.dialog("Restart")
def restart_dialog(lab: Lab) -> None:
    st.write(
        "Every open session is closed, as at the end of the process, and opened again: file "
        "sessions are back, memory sessions are gone."
    )
    memory = [info for info in lab.catalog.sessions(limit=1000) if info.storage == "Memory"]
    for info in memory[:LISTED]:
        st.markdown(f"- {as_typed(info.title, 60)}: {count_of(info.item_count, 'item')} will go")
    if not memory:
        st.caption("There is no memory session now, so nothing will be lost.")
    if st.button("Restart now", type="primary"):
        with shown_errors():
            gone = lab.restart()
            kept = count_of(lab.catalog.count(), "file session")
            lost = count_of(len(gone), "memory session")
            st.toast(f"Restarted: {kept} still here, {lost} gone.")
            st.rerun()


@st.dialog("Add an item")
def add_dialog(lab: Lab, session_id: str) -> None:
    with st.form("add", border=False):
        role = st.radio("Role", ("user", "assistant"), horizontal=True)
        text = st.text_area("Text")
        st.caption("The item is stored as if it had been said. No model is asked.")
        added = st.form_submit_button("Add", type="primary")
    if added and not text.strip():
        st.error("Type the text of the item.")
    elif added:
        item = user_item(text) if role == "user" else assistant_item(text)
        _do(lambda: lab.add_item(session_id, item))


@st.dialog("Edit a message")
def edit_dialog(lab: Lab, session_id: str, row: Row) -> None:
    with st.form("edit", border=False):
        text = st.text_area("Text", text_of(row.item))
        st.caption("The items after it stay as they are: nothing is answered anew.")
        edited = st.form_submit_button("Save", type="primary")
    if edited and not text.strip():
        st.error("Type the text of the message.")
    elif edited:
        _do(lambda: lab.edit_item(session_id, row, text))


def _storage_choice() -> Storage:
    chosen = st.radio("Storage", STORAGES, captions=STORAGE_CAPTIONS, horizontal=True)
    return cast(Storage, chosen)


def _do(change: Any) -> None:
    """Carry a confirmed change out and close the dialog, or say why not."""
    with shown_errors():
        change()
        st.rerun()


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
        st.markdown(f"- **{as_typed(kind(item))}** {as_typed(one_line(item, 90), 90)}")


def _free_id(lab: Lab, base: str) -> str:
    """`base_2`, or the next number that is free."""
    base = base[: MAX_ID_LENGTH - 6]
    number = 2
    while lab.catalog.info(f"{base}_{number}"):
        number += 1
    return f"{base}_{number}"
