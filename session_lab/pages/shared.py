"""What every page needs: the one lab of the process, and messages shown safely."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import streamlit as st

from session_lab.history.items import field, kind, text_of
from session_lab.history.report import TurnReport
from session_lab.history.turns import SessionChanged
from session_lab.models.choose import configured_model
from session_lab.models.offline import OfflineModel
from session_lab.pages.shown_text import SHOWN_CHARACTERS, as_typed, safe_parts
from session_lab.runs.lab import Lab
from session_lab.runs.turn import error_line
from session_lab.store.catalog import CatalogError
from session_lab.store.database import Row
from session_lab.store.transfer import TransferError

WORD_DELAY = 0.03
"""Seconds between the offline model's words, so that a person sees the reply being written."""
ROOT = Path(__file__).resolve().parent.parent.parent


@st.cache_resource(show_spinner=False, on_release=Lab.close)
def _lab_of_process() -> Lab:
    model = configured_model()  # Loads .env, which may name the database.
    db_path = ROOT / (os.environ.get("SESSIONS_DB") or "data/sessions.db")
    if isinstance(model, OfflineModel):
        model = OfflineModel(WORD_DELAY)
    return Lab(db_path, model)


def open_lab() -> Lab:
    """The lab, or a page that says why there is none."""
    try:
        return _lab_of_process()
    except Exception as error:
        st.error(as_typed(f"The app can't start. {error_line(error)}", 600))
        st.stop()


def readable(error: Exception) -> str:
    """Markdown that tells a person what they can do something about.

    Raises:
        Exception: any other error, which is a bug and keeps its traceback.
    """
    if isinstance(error, CatalogError | SessionChanged | TransferError):
        return as_typed(str(error), 500)
    if isinstance(error, OSError | sqlite3.Error):
        return as_typed(error_line(error), 500)
    raise error


@contextmanager
def shown_errors() -> Iterator[None]:
    """Show what a person can do something about, instead of a traceback."""
    try:
        yield
    except (CatalogError, SessionChanged, TransferError, OSError, sqlite3.Error) as error:
        st.error(readable(error))


def show_text(text: str, key: str) -> None:
    """A reply or a message, however long, with its code blocks and without foreign images."""
    for part, language in safe_parts(text[:SHOWN_CHARACTERS]):
        if language is not None:
            st.code(part, language=language or None, wrap_lines=True)
        elif part.strip():
            st.markdown(part)
    if len(text) > SHOWN_CHARACTERS:
        rest = st.expander(f"Show all {len(text):,} characters", on_change="rerun", key=key)
        if rest.open:
            rest.text(text)


def show_tool(item: Any) -> None:
    """A tool call or its output, folded."""
    icon = ":material/build:" if kind(item) == "tool call" else ":material/output:"
    name = field(item, "name") or text_of(item)
    with st.expander(
        f"{as_typed(kind(item).capitalize(), 40)}: {as_typed(str(name), 60)}", icon=icon
    ):
        st.code(text_of(item)[:SHOWN_CHARACTERS], language=None, wrap_lines=True)


def show_rows(
    rows: Sequence[Row], reports: Sequence[TurnReport], key: str = "conversation"
) -> None:
    """The conversation: each message in place, tool items folded, each reply with its label."""
    by_row = {row: report for report in reports for row in report.stored}
    for row in rows:
        _show_row(row, by_row.get(row.id), f"{key}-{row.id:d}")


def _show_row(row: Row, report: TurnReport | None, key: str) -> None:
    what = kind(row.item)
    if row.item is None:
        st.caption(f"Row {row.id:d} holds no readable item; the SDK skips it.")
    elif what == "user":
        with st.chat_message("user"):
            text = text_of(row.item)
            st.text(text[:SHOWN_CHARACTERS])
            if len(text) > SHOWN_CHARACTERS:
                rest = st.expander(f"Show all {len(text):,} characters", on_change="rerun", key=key)
                if rest.open:
                    rest.text(text)
    elif what == "assistant":
        with st.chat_message("assistant"):
            show_text(text_of(row.item), key)
            st.caption(reply_label(report))
    else:
        with st.chat_message("tool", avatar=":material/build:"):
            show_tool(row.item)


def reply_label(report: TurnReport | None) -> str:
    """Who wrote a reply and what it cost, in one line."""
    if report is None:
        return "Added by hand or by another program"
    about = "about " if report.estimated else ""
    tokens = f"{about}{report.input_tokens:,} tokens in, {report.output_tokens:,} out"
    return " · ".join(
        [
            f"**{as_typed(report.agent)}**",
            f"{len(report.stored):d} items stored",
            tokens,
            f"{report.seconds:.1f} s",
        ]
    )
