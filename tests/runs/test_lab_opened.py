"""A lab that shows another program's database, and one whose own file is taken away."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from agents import SQLiteSession
from lab_tools import EVERYTHING, PageLab, ask, pop, row_at, says, stored, undo

from session_lab.history.items import text_of, user_item
from session_lab.models.offline import OfflineModel
from session_lab.store.database import CatalogError
from session_lab.store.opened import OpenedFile
from session_lab.store.seen import all_seen


async def write(path: Path, *texts: str) -> None:
    with closing(SQLiteSession("theirs", path)) as session:
        await session.add_items([user_item(text) for text in texts])


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[PageLab]:
    asyncio.run(write(tmp_path / "theirs.db", "My name is Alice."))
    with closing(OpenedFile(tmp_path / "theirs.db")) as opened:
        lab = PageLab(tmp_path / "ours.db", OfflineModel(), opened)
        yield lab
        lab.close()


def test_what_looks_works_and_what_is_new_is_seen(lab: PageLab, tmp_path: Path) -> None:
    asyncio.run(write(tmp_path / "ours.db", "This one has the same ID.", "It is hidden."))
    [info] = lab.catalog.sessions()
    assert (info.session_id, info.storage, info.item_count) == ("theirs", "Opened", 1)
    call = lab.outlook("theirs", "Assistant", EVERYTHING).call
    assert [text_of(item) for item in call.input][:-1] == ["My name is Alice."]
    assert call.sent() == {1: 1}
    asyncio.run(write(tmp_path / "theirs.db", "I live in Oslo."))
    assert lab.catalog.info("theirs").item_count == 2 and lab.catalog.count("OSLO") == 1


def test_a_file_that_is_written_while_it_is_copied_is_copied_again(
    lab: PageLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, left = shutil.copyfile, 1

    def copy_while_written(source: str, target: str) -> None:
        nonlocal left
        copy(source, target)
        if left:
            left -= 1
            asyncio.run(write(tmp_path / "theirs.db", "Meanwhile."))

    monkeypatch.setattr(shutil, "copyfile", copy_while_written)
    asyncio.run(write(tmp_path / "theirs.db", "I live in Oslo."))
    assert lab.catalog.info("theirs").item_count == 3
    left = 99
    asyncio.run(write(tmp_path / "theirs.db", "And more."))
    with pytest.raises(CatalogError, match="written all the time"):
        lab.catalog.info("theirs")


def test_a_file_is_copied_anew_only_when_nobody_reads_the_copy(tmp_path: Path) -> None:
    asyncio.run(write(path := tmp_path / "theirs.db", "My name is Alice."))

    def read(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
        return connection.execute("SELECT count(*) FROM agent_messages").fetchall()

    def read_anew() -> list[tuple[Any, ...]]:
        with opened.connection() as connection:
            return read(connection)

    with closing(OpenedFile(path)) as opened, ThreadPoolExecutor(1) as pool:
        with opened.connection() as connection:
            asyncio.run(write(path, "I live in Oslo."))
            reading = pool.submit(read_anew)
            assert not wait([reading], timeout=0.2).done, "another tab waits"
            assert read(connection) == [(1,)]
        assert reading.result(timeout=10) == [(2,)]


def test_what_was_no_database_for_a_while_is_read_again(lab: PageLab, tmp_path: Path) -> None:
    path, kept = tmp_path / "theirs.db", tmp_path / "kept.db"
    lab.catalog.count()
    shutil.copy2(path, kept)
    path.write_text("no database")
    with pytest.raises(sqlite3.DatabaseError):
        lab.catalog.count()
    shutil.copy2(kept, path)
    assert lab.catalog.count() == 1


def test_nothing_is_changed_and_a_fork_goes_on(lab: PageLab, tmp_path: Path) -> None:
    before = {file.name: file.read_bytes() for file in tmp_path.glob("theirs*")}
    version = all_seen(lab.catalog, "theirs").version
    for change in (
        lambda: lab.send("theirs", "Hi.", "Assistant", EVERYTHING),
        lambda: pop(lab, "theirs"),
        lambda: undo(lab, "theirs"),
        lambda: lab.clear("theirs", version),
        lambda: lab.delete("theirs", version),
        lambda: lab.add_item("theirs", user_item("more")),
        lambda: lab.edit_item("theirs", row_at(lab, "theirs", 0), "edited"),
        lambda: lab.catalog.rename("theirs", "Ours"),
    ):
        with pytest.raises(CatalogError, match="Fork copies it"):
            change()
    lab.fork("theirs", "ours", 1, "File")
    assert "Alice" in ask(lab, "ours", "What is my name?").reply
    assert len(stored(tmp_path / "ours.db", "ours")) == 3
    assert {file.name: file.read_bytes() for file in tmp_path.glob("theirs*")} == before


def test_a_file_that_vanishes_is_named_and_can_come_back(tmp_path: Path) -> None:
    path = tmp_path / "ours.db"
    lab = PageLab(path, says("One.", "Two.", "Three."))
    lab.create("s", "File")
    ask(lab, "s", "First.")
    ask(lab, "s", "Second.")
    aside = tmp_path / "aside"
    aside.mkdir()
    for file in tmp_path.glob("ours.db*"):
        shutil.copy(file, aside)
        file.unlink()
    with pytest.raises(CatalogError, match="Put it back"):
        lab.send("s", "Lost?", "Assistant", EVERYTHING)
    assert not path.exists(), "no empty file in its place"
    for file in aside.iterdir():
        shutil.copy(file, tmp_path)
    ask(lab, "s", "Third.")
    lab.close()
    assert [text_of(item) for item in stored(path, "s")][::2] == ["First.", "Second.", "Third."]
