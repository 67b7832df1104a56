"""The one lab of the process, and its errors as a person can read them."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st

from session_lab.models.choose import configured_model
from session_lab.models.offline import OfflineModel
from session_lab.pages.safe_text import as_typed
from session_lab.runs.lab import Lab
from session_lab.runs.loop import BackgroundLoop
from session_lab.runs.turn import error_line
from session_lab.store.database import CatalogError
from session_lab.store.opened import OpenedFile

T = TypeVar("T")
WORD_DELAY = 0.03
"""Seconds between the offline model's words, so that a person sees the reply being written."""
ROOT = Path(__file__).resolve().parent.parent.parent


class _Process:
    """What outlives every click: the lab, and the event loop on which its coroutines run."""

    def __init__(self) -> None:
        model = configured_model()  # Loads .env, which may name the database.
        db_path = ROOT / Path(os.environ.get("SESSIONS_DB") or "data/sessions.db").expanduser()
        if isinstance(model, OfflineModel):
            model = OfflineModel(WORD_DELAY)
        self.opened = _file_to_open()
        self.lab = Lab(db_path, model, self.opened)
        self.loop = BackgroundLoop()

    def close(self) -> None:
        self.loop.run(self.lab.close())
        self.loop.close()
        if self.opened is not None:
            self.opened.close()


def _file_to_open() -> OpenedFile | None:
    """The database that `streamlit run streamlit_sessions_app.py -- --open FILE` names."""
    script, *arguments = sys.argv
    if not arguments or Path(script).name != "streamlit_sessions_app.py":
        return None
    if len(arguments) != 2 or arguments[0] != "--open":
        raise CatalogError("After -- only one thing is understood: --open FILE.")
    return OpenedFile(Path(arguments[1]))


@st.cache_resource(show_spinner=False, on_release=_Process.close)
def _process() -> _Process:
    return _Process()


def open_lab() -> Lab:
    """The lab, or a page that says why there is none."""
    try:
        return _process().lab
    except Exception as error:
        st.error(as_typed(f"The app can't start. {error_line(error)}", 600))
        st.stop()


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """Have the lab do something, from one of Streamlit's threads, and wait for the outcome."""
    return _process().loop.run(work)


def readable(error: Exception) -> str:
    """Markdown that tells a person what they can do something about.

    Raises:
        Exception: any other error, which is a bug and keeps its traceback.
    """
    if isinstance(error, CatalogError):
        return as_typed(str(error), 500)
    if isinstance(error, OSError | sqlite3.Error):
        return as_typed(error_line(error), 500)
    raise error


@contextmanager
def shown_errors() -> Iterator[None]:
    """Show what a person can do something about, instead of a traceback."""
    try:
        yield
    except Exception as error:  # What nobody can do something about, `readable` raises again.
        st.error(readable(error))
