"""A database of its own for each test of a page."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from page_tools import Open, Page, end_the_process
from streamlit.components.v2 import manifest_scanner

from session_lab.pages import open_lab


@pytest.fixture
def db_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "sessions.db"
    monkeypatch.setenv("SESSIONS_DB", str(path))
    monkeypatch.setattr(open_lab, "WORD_DELAY", 0)
    # No package brings a component, and to look into each for one takes longer than a script.
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", list)
    yield path
    end_the_process()


@pytest.fixture
def open_page(db_path: Path) -> Open:
    """`open_page(session_id)` is a new tab, at the latest session if no ID is given."""
    return partial(Page, db_path)


@pytest.fixture
def page(open_page: Open) -> Page:
    return open_page()
