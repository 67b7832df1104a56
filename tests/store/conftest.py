"""A database file, and the catalogue of its sessions."""

from __future__ import annotations

from pathlib import Path

import pytest

from session_lab.store.catalog import Catalog


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "made" / "sessions.db"


@pytest.fixture
def catalog(path: Path) -> Catalog:
    return Catalog(path)
