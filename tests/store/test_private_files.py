"""What the lab stores can be read by its owner alone, however open the account's defaults are."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from agents import SQLiteSession
from lab_tools import talk

from session_lab.store.catalog import Catalog

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")


@pytest.fixture(autouse=True)
def open_to_everybody() -> Iterator[None]:
    """The most generous default: what is made without a mode can be read and written by all."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.parametrize(
    ("made_by", "folder_mode", "file_mode"), [("lab", "700", "600"), ("user", "750", "640")]
)
def test_what_the_lab_makes_is_private_and_what_the_user_made_keeps_its_modes(
    path: Path, made_by: str, folder_mode: str, file_mode: str
) -> None:
    if made_by == "user":  # A database that a group may read.
        path.parent.mkdir(mode=0o750)
        SQLiteSession("s", path).close()
        path.chmod(0o640)
    Catalog(path)
    # While a session is open, what it stored last lies in the -wal file.
    with closing(SQLiteSession("s", path)) as session:
        asyncio.run(session.add_items(talk(1)))
        modes = {each.name: f"{each.stat().st_mode & 0o777:o}" for each in path.parent.iterdir()}
    names = ("sessions.db", "sessions.db-shm", "sessions.db-wal")
    assert modes == dict.fromkeys(names, file_mode)
    assert f"{path.parent.stat().st_mode & 0o777:o}" == folder_mode
