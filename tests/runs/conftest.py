"""Labs on one database file, as the pages use them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_tools import MakeLab, labs_on


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
def make(path: Path) -> Iterator[MakeLab]:
    with labs_on(path) as made:
        yield made
