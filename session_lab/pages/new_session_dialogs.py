"""The dialogs of Chat that make a session: empty, forked, repaired or imported."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import streamlit as st

from session_lab.history.rules import diagnose, new_findings, repair, safe_end
from session_lab.pages.dialog import LISTED, dialog, form, list_items, warn
from session_lab.pages.open_lab import wait_for
from session_lab.pages.safe_text import as_typed, count_of, item_line
from session_lab.pages.tab import Dialog, Tab
from session_lab.runs.lab import Lab
from session_lab.store.catalog import MAX_ID_LENGTH
from session_lab.store.database import CatalogError, Storage
from session_lab.store.seen import all_seen
from session_lab.store.transfer import MAX_BYTES, parse_session

STORAGES: dict[Storage, str] = {
    "File": "Kept on disk; there after a restart.",
    "Memory": "Gone when the app ends.",
}


def new_session_dialog(lab: Lab, tab: Tab, session_id: str) -> Dialog:
    async def create(new_id: str, storage: Storage) -> None:
        if not await lab.create(new_id, storage):
            tab.news = f"{as_typed(new_id, 60)} exists already: opened, nothing changed."

    draw = partial(_new_session, tab, "Create", "", create, asks_storage=True)
    return dialog("New session", draw)


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
        warn(broken, lab.api, f"A fork after item {safe:,} parts nothing.")
        fork = partial(lab.fork, session_id, item_count=copied)
        _new_session(tab, "Fork", lab.catalog.free_id(session_id), fork, asks_storage=True)

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
        copy = partial(lab.import_items, title=f"{title} (repaired)", items=repaired)
        _new_session(tab, "Make a repaired copy", lab.catalog.free_id(session_id), copy)

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
        except CatalogError as error:
            st.error(as_typed(str(error), 500))
            return
        st.write(f"**{as_typed(found.title, 60)}** holds {count_of(len(found.items), 'item')}.")
        list_items(found.items)
        refused = [finding for finding in diagnose(found.items, lab.api) if finding.is_refused]
        warn(refused, lab.api, "Repair makes a copy without them.")
        proposed = lab.catalog.free_id(found.session_id)
        make = partial(lab.import_items, title=found.title, items=found.items)
        _new_session(tab, "Import as a new session", proposed, make)

    return dialog("Import", draw)


def _new_session(
    tab: Tab,
    label: str,
    proposed: str,
    make: Callable[..., Coroutine[Any, Any, None]],
    *,
    asks_storage: bool = False,
) -> None:
    """Asks for the ID and for the storage, which `make` takes. The button `label` makes it."""

    def make_and_open() -> None:
        new_id: str = st.session_state["new-id"].strip()
        asked = {"storage": st.session_state["storage"]} if asks_storage else {}
        wait_for(make(new_id, **asked))
        tab.session_id = new_id

    with form(tab, label, make_and_open):
        st.text_input(
            "Session ID",
            proposed,
            max_chars=MAX_ID_LENGTH,
            placeholder="user_123",
            help="One ID is one conversation. Name who or what it belongs to.",
            key="new-id",
        )
        if asks_storage:
            captions = list(STORAGES.values())
            st.radio("Storage", STORAGES, captions=captions, horizontal=True, key="storage")
