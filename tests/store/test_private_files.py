"""What the lab stores can be read by its owner alone, however open the account's defaults are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from agents import SQLiteSession
from lab_tools import talk

from session_lab.store.catalog import Catalog

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
ON_DISK = ("sessions.db", "sessions.db-shm", "sessions.db-wal")


def modes(folder: Path) -> dict[str, str]:
    """The permissions of everything in `folder`, in octal."""
    found = sorted(folder.iterdir())
    return {path.name: f"{path.stat().st_mode & 0o777:o}" for path in found}


@pytest.fixture(autouse=True)
def open_to_everybody() -> Iterator[None]:
    """The most generous default: what is made without a mode can be read and written by all."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def db_path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "sessions.db"


async def test_the_lab_makes_its_folder_and_its_files_for_their_owner(db_path: Path) -> None:
    catalog = Catalog(db_path)
    catalog.create("secret", "File")
    # While a session is open, what it stored last lies in the -wal file.
    await catalog.open("secret").add_items(talk(1))
    assert modes(db_path.parent.parent) == {"data": "700"}
    assert modes(db_path.parent) == dict.fromkeys(ON_DISK, "600")
    catalog.restart()
    Catalog(db_path)
    assert set(modes(db_path.parent).values()) == {"600"}


@pytest.fixture
def shared_path(db_path: Path) -> Path:
    """A database that a group may read, as the user made it."""
    db_path.parent.mkdir(mode=0o750)
    SQLiteSession("shared", db_path).close()
    db_path.chmod(0o640)
    return db_path


async def test_what_the_user_made_keeps_its_modes(shared_path: Path) -> None:
    catalog = Catalog(shared_path)
    await catalog.open("shared").add_items(talk(1))
    assert modes(shared_path.parent.parent) == {"data": "750"}
    assert modes(shared_path.parent) == dict.fromkeys(ON_DISK, "640")
    catalog.restart()
