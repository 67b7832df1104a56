"""The dialogs of Chat. What destroys shows what will go and asks first.

Each function reads once what the dialog is about, and returns the dialog: what a person confirms
is what was shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import streamlit as st

from session_lab.history.items import assistant_item, is_user_message, text_to_edit, user_item
from session_lab.history.rules import Api, Finding, diagnose, new_findings, repair, safe_end
from session_lab.pages.open_lab import shown_errors, wait_for
from session_lab.pages.safe_text import as_typed, count_of, item_line
from session_lab.pages.tab import Dialog, Tab, carry_out, dialog
from session_lab.runs.lab import BUSY, Lab
from session_lab.store.catalog import MAX_ID_LENGTH, MAX_TITLE_LENGTH
from session_lab.store.database import CatalogError, Row, Storage
from session_lab.store.seen import WINDOW, Seen, all_seen, last_item, last_turn
from session_lab.store.transfer import MAX_BYTES, TransferError, export_session, parse_session

STORAGES: dict[Storage, str] = {
    "File": "Kept on disk; there after a restart.",
    "Memory": "Gone when the app ends.",
}
LISTED = 6
"""So that the button below the list is in view on a phone too."""


def new_session_dialog(lab: Lab, tab: Tab, session_id: str) -> Dialog:
    async def create(new_id: str, storage: Storage) -> None:
        if not await lab.create(new_id, storage):
            tab.news = f"{as_typed(new_id, 60)} exists already: opened, nothing changed."

    return dialog("New session", lambda: _new_session(tab, "Create", "", create, STORAGES))


def fork_dialog(lab: Lab, tab: Tab, session_id: str, item_count: int | None = None) -> Dialog:
    """Offer to copy the first `item_count` items, all if None."""
    info = lab.catalog.existing(session_id)
    copied = info.item_count if item_count is None else item_count
    whole = all_seen(lab.catalog, session_id).items
    broken = new_findings(whole, whole[:copied], lab.api)
    safe = safe_end(whole, copied)

    def draw() -> None:
        st.write(
            f"The first {copied:,} of {count_of(info.item_count, 'item')} are copied into a new "
            "session. The two go separate ways from there."
        )
        _warn(broken, lab.api, f"A fork after item {safe:,} parts nothing.")
        _new_session(tab, "Fork", lab.catalog.free_id(session_id), fork, STORAGES)

    async def fork(new_id: str, storage: Storage) -> None:
        await lab.fork(session_id, new_id, copied, storage)

    return dialog("Fork", draw)


def repair_dialog(lab: Lab, tab: Tab, session_id: str) -> Dialog:
    """Show what an API would refuse, before and after, and offer a repaired copy."""
    title, seen = lab.catalog.existing(session_id).title, all_seen(lab.catalog, session_id)
    items, count = seen.items, count_of(len(seen.items), "item")
    found = [finding for finding in diagnose(items, lab.api) if finding.is_refused]
    repaired = repair(items, lab.api)

    def draw() -> None:
        if not found and not seen.unreadable:
            st.info(f"Nothing to repair: the {lab.api} API accepts all {count}.")
            return
        st.write(
            f"Of {count}, the {lab.api} API refuses {len(found):,}. The copy holds "
            f"{len(repaired):,}; this session stays as it is."
        )
        if seen.unreadable:
            st.markdown(f"- {count_of(seen.unreadable, 'row')} that hold no JSON stay behind")
        for finding in found[:LISTED]:
            before = f"{finding.place + 1:d} · {item_line(items[finding.place], 60)}"
            after = "goes" if finding.instead is None else "stays, changed"
            st.markdown(f"- {before} **{after}**: {as_typed(finding.problem)}")
        if len(found) > LISTED:
            st.caption(f"and {len(found) - LISTED:,} more.")
        _new_session(tab, "Make a repaired copy", lab.catalog.free_id(session_id), copy)

    async def copy(new_id: str, storage: Storage) -> None:
        await lab.import_items(new_id, f"{title} (repaired)", repaired)

    return dialog("Repair", draw)


def import_dialog(lab: Lab, tab: Tab, session_id: str) -> Dialog:
    def draw() -> None:
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

        async def import_found(new_id: str, storage: Storage) -> None:
            await lab.import_items(new_id, found.title, found.items)

        st.write(f"**{as_typed(found.title, 60)}** holds {count_of(len(found.items), 'item')}.")
        _list_items(found.items)
        refused = [finding for finding in diagnose(found.items, lab.api) if finding.is_refused]
        _warn(refused, lab.api, "Repair makes a copy without them.")
        proposed = lab.catalog.free_id(found.session_id)
        _new_session(tab, "Import as a new session", proposed, import_found)

    return dialog("Import", draw)


def _new_session(
    tab: Tab,
    label: str,
    proposed: str,
    make: Callable[[str, Storage], Coroutine[Any, Any, None]],
    storages: dict[Storage, str] | None = None,
) -> None:
    """Asks for the ID and, with `storages`, for the storage. The button `label` makes it."""

    def make_and_open() -> None:
        new_id: str = st.session_state["new-id"].strip()
        wait_for(make(new_id, st.session_state["storage"] if storages else "File"))
        tab.session_id = new_id

    with _form(tab, label, make_and_open):
        st.text_input(
            "Session ID",
            proposed,
            max_chars=MAX_ID_LENGTH,
            placeholder="user_123",
            help="One ID is one conversation. Name who or what it belongs to.",
            key="new-id",
        )
        if storages:
            captions = list(storages.values())
            st.radio("Storage", storages, captions=captions, horizontal=True, key="storage")


def undo_dialog(lab: Lab, tab: Tab, session_id: str) -> Dialog:
    seen = _something(lab, session_id, last_turn(lab.catalog, session_id))
    says = f"The whole last turn goes: {count_of(len(seen.items), 'item')}."
    undo = partial(lab.remove, session_id, seen, whole_turn=True)
    return _confirm(tab, "Undo turn", says, seen, "Undo this turn", undo)


def pop_dialog(lab: Lab, tab: Tab, session_id: str) -> Dialog:
    seen = _something(lab, session_id, last_item(lab.catalog, session_id))
    end = all_seen(lab.catalog, session_id, max(0, seen.version.item_count - WINDOW)).items
    broken = new_findings(end, end[:-1], lab.api)
    warn = partial(_warn, broken, lab.api, "Undo turn removes all of it.")
    says = "`pop_item()` removes the newest item, whatever it is:"
    pop = partial(lab.remove, session_id, seen, whole_turn=False)
    return _confirm(tab, "Pop item", says, seen, "Pop this item", pop, warn)


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
        _button(tab, "Restart now", restart, lost=bool(memory))

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
    warn: Callable[[], None] = lambda: None,
) -> Dialog:
    """Tell what goes and list it; the button `label` removes just that."""

    def draw() -> None:
        st.write(says)
        _list_items(seen.items)
        if seen.unreadable:
            st.warning(
                f"{count_of(seen.unreadable, 'row')} that hold no JSON go too. The Database tab "
                "shows them.",
                icon=":material/warning:",
            )
        warn()
        _button(tab, label, lambda: wait_for(do()), lost=True)

    return dialog(title, draw)


def rename_dialog(lab: Lab, tab: Tab, session_id: str) -> Dialog:
    lab.catalog.changeable(session_id)
    info = lab.catalog.existing(session_id)
    key = f"title-{session_id}"

    def draw() -> None:
        with _form(tab, "Rename", rename):
            st.text_input("Title", info.title, max_chars=MAX_TITLE_LENGTH, key=key)
            st.caption(f"The session ID stays {as_typed(session_id)}: programs find it by that.")

    def rename() -> None:
        lab.catalog.rename(session_id, st.session_state[key])

    return dialog("Rename", draw)


def add_dialog(lab: Lab, tab: Tab, session_id: str) -> Dialog:
    _free(lab, session_id)

    def draw() -> None:
        with _form(tab, "Add", add):
            st.radio("Role", ("user", "assistant"), horizontal=True, key="add-role")
            st.text_area("Text", key="add-text")
            st.caption("The item is stored as if it had been said. No model is asked.")

    def add() -> None:
        text, role = _typed_text("add-text", "item"), st.session_state["add-role"]
        item = user_item(text) if role == "user" else assistant_item(text)
        wait_for(lab.add_item(session_id, item))

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
            _submit(tab, "Save", edit)
            if starts_last_turn:
                st.caption(
                    f"Send again removes the last turn, {count_of(len(turn.items), 'item')}, and "
                    "sends this text as a new message."
                )
                _submit(tab, "Send again", send_again, key="destroy")

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


@contextmanager
def _form(tab: Tab, label: str, do: Callable[[], None]) -> Iterator[None]:
    """Inputs that are sent together, by Enter or by the button `label` below them."""
    with st.form(label, border=False):
        yield
        _submit(tab, label, do)


def _submit(tab: Tab, label: str, do: Callable[[], None], key: str | None = None) -> None:
    st.form_submit_button(label, type="primary", on_click=_once, args=(tab, do), key=key)


def _button(tab: Tab, label: str, do: Callable[[], None], *, lost: bool) -> None:
    """The button that does it, in red if something is `lost`."""
    key = "destroy" if lost else None
    st.button(label, type="primary", on_click=_once, args=(tab, do), key=key)


def _once(tab: Tab, do: Callable[[], None]) -> None:
    """A callback that does it, unless the press before has, and closed the dialog."""
    if tab.dialog is not None:
        carry_out(tab, do)


def _typed_text(key: str, noun: str) -> str:
    text: str = st.session_state[key]
    if not text.strip():
        raise CatalogError(f"Type the text of the {noun}.")
    return text


def _warn(findings: Sequence[Finding], api: Api, instead: str) -> None:
    """What the API will not accept after this, and what can be done instead."""
    if findings:
        problems = " ".join(dict.fromkeys(as_typed(finding.problem) for finding in findings))
        st.warning(
            f"After this, the {api} API refuses {count_of(len(findings), 'item')}, so the lab will "
            f"not send them. {problems} {instead}",
            icon=":material/link_off:",
        )


def _list_items(items: Sequence[Any]) -> None:
    if len(items) > LISTED:
        st.caption(f"{len(items) - LISTED:,} earlier, then:")
    for item in items[-LISTED:]:
        st.markdown(f"- {item_line(item, 90)}")
