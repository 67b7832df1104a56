"""Many sessions, threads and processes; what stays open; files of other versions."""

import asyncio
import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest
from agents import SQLiteSession
from lab_tools import add, query, talk

from session_lab.runs.turn import error_line
from session_lab.store.catalog import Catalog
from session_lab.store.database import SCHEMA_VERSION, CatalogError

# -- the lab's own tables -------------------------------------------------------------------


def test_a_file_of_a_newer_version_is_refused_and_nothing_in_it_changes(path: Path) -> None:
    Catalog(path).create("kept", "File")
    query(path, "PRAGMA journal_mode=DELETE")
    query(path, "UPDATE lab_schema SET version = ?", SCHEMA_VERSION + 1)
    query(path, "DROP TABLE agent_messages")
    before = path.read_bytes()
    with pytest.raises(CatalogError) as refused:
        Catalog(path)
    assert error_line(refused.value) == str(refused.value), "shown as it is"
    assert "newer version" in str(refused.value) and "SESSIONS_DB" in str(refused.value)
    assert "\n" not in str(refused.value) and path.read_bytes() == before


@pytest.mark.parametrize("known", [["lab_schema"], ["lab_schema", "lab_turns", "lab_sessions"]])
def test_an_older_file_keeps_its_rows(path: Path, known: list[str]) -> None:
    """From the first version, which noted none, and from the SDK alone."""
    catalog = Catalog(path)
    catalog.create("kept", "File")
    add(catalog, "kept", talk(1))
    catalog.rename("kept", "A title")
    for table in known:
        query(path, f"DROP TABLE {table}")
    [info] = Catalog(path).sessions()
    assert (info.session_id, info.item_count) == ("kept", 2)
    assert info.title == ("kept" if "lab_sessions" in known else "A title")
    assert query(path, "SELECT version FROM lab_schema") == [(SCHEMA_VERSION,)]


# -- many sessions --------------------------------------------------------------------------


def test_thousands_of_sessions_page_by_page(catalog: Catalog, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO lab_sessions VALUES (?, ?, 'File', NULL, NULL, ?)",
            [(f"s{number}", f"title {number}", number // 2) for number in range(3000)],
        )
    catalog.create("newest", "Memory")
    assert catalog.count() == 3001 and catalog.count("TITLE 29") == 111
    pages = [catalog.sessions(limit=300, offset=offset) for offset in range(0, 3001, 300)]
    assert [len(page) for page in pages] == [300] * 10 + [1]
    ids = [info.session_id for page in pages for info in page]
    assert len(set(ids)) == 3001, "no session is on two pages"
    assert ids[:3] == ["newest", "s2998", "s2999"] and ids[-1] == "s1"
    assert catalog.sessions(offset=3001) == []


async def test_lists_are_whole_while_other_tabs_create_and_delete(catalog: Catalog) -> None:
    def listed() -> list[str]:
        return [info.session_id for info in catalog.sessions(limit=1000)]

    def create(number: int) -> None:
        catalog.create(f"session {number}", "Memory" if number % 2 else "File")
        assert f"session {number}" in listed()
        assert catalog.count("SESSION") <= 40

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, range(40)))
    assert len(listed()) == catalog.count() == 40

    def look() -> None:
        while catalog.count() > 20:
            assert 20 <= len(listed()) <= 40

    watching = asyncio.create_task(asyncio.to_thread(look))
    for number in range(1, 40, 2):
        await asyncio.to_thread(catalog.delete, f"session {number}")
    await watching


def test_two_programs_write_into_one_new_file(path: Path) -> None:
    """As two processes would: they share nothing but the file."""

    def write(name: str) -> None:
        mine = Catalog(path)
        for number in range(8):
            assert mine.create(f"{name}{number}", "File", talk(1)[:1])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, "abcd"))
    assert Catalog(path).count() == 32
    assert query(path, "SELECT count(*) FROM agent_messages") == [(32,)]


# -- what stays open ------------------------------------------------------------------------


class Counted(sqlite3.Connection):
    """A connection that is counted until it is closed; to be collected as garbage is not enough."""

    still_open: ClassVar[set[int]] = set()

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.still_open.add(id(self))

    def close(self) -> None:
        super().close()
        self.still_open.discard(id(self))


def test_what_is_open_is_closed_after_its_use(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = partial(sqlite3.connect, factory=Counted)
    monkeypatch.setattr(sqlite3, "connect", connect)
    catalog = Catalog(path)
    for number in range(8):
        catalog.create(f"s{number}", "File", talk(1))
        add(catalog, f"s{number}", talk(1))
        assert catalog.count("question") == number + 1 and Counted.still_open == set()
    catalog.create("quick", "Memory", talk(1))
    add(catalog, "quick", talk(1))
    assert len(Counted.still_open) == 1, "it is the session"
    assert catalog.restart() == ["quick"] and Counted.still_open == set()


# -- who can read it ------------------------------------------------------------------------


@pytest.fixture
def open_to_everybody() -> Iterator[None]:
    """The most generous default: what is made without a mode can be read and written by all."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.usefixtures("open_to_everybody")
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
