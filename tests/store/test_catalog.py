"""Sessions in one file and in memory: created, listed, renamed, forked, deleted, reopened."""

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from agents import SQLiteSession
from lab_tools import add, insert, query, report, stored, talk

from session_lab.history.items import user_item
from session_lab.history.report import ModelCall
from session_lab.store.catalog import Catalog
from session_lab.store.database import CatalogError, Storage
from session_lab.store.seen import all_seen

FAMILY = "👩\u200d👩\u200d👧\u200d👦"
ALLOWED = [
    *("user_123", 'it\'s "quoted" `x`', "../../etc/passwd", "<b onclick=alert(1)>&amp;</b>"),
    *("**bold** [a](b) :red[c] $x$", "'; DROP TABLE agent_sessions; --", FAMILY, "می\u200cخواهم"),
    *("שלום עולם", "two  spaces inside", "%_?*", "x" * 128, "é", "e\u0301"),
]
REFUSED = {
    "Type a session ID": ["", "   "],
    "129": ["x" * 129],
    "begin or end": [" edge", "edge "],
    "invisible": ["line\nbreak", "tab\there", "nul\0", "right\u202eto left", "half \ud83d"],
    "can be seen": ["\u200d", "\u200d \u200c"],
}
TABLES = ("agent_messages", "agent_sessions", "lab_sessions", "lab_turns")


def listed(catalog: Catalog, search: str = "") -> list[str]:
    ids = [info.session_id for info in catalog.sessions(search, 10_000)]
    assert len(ids) == catalog.count(search)
    return sorted(ids)


@pytest.mark.parametrize("storage", ["File", "Memory"])
def test_an_id_that_is_allowed_is_kept_as_typed(
    catalog: Catalog, path: Path, storage: Storage
) -> None:
    for session_id in ALLOWED:
        assert catalog.create(session_id, storage)
        assert not catalog.create(session_id, "Memory"), "it is left as it is"
        assert catalog.existing(session_id).storage == storage
        add(catalog, session_id, [user_item(f"text of {session_id}")])
    assert listed(catalog) == sorted(ALLOWED)
    for session_id in ALLOWED:
        expected = [user_item(f"text of {session_id}")]
        assert stored(path, session_id) == (expected if storage == "File" else [])
        assert all_seen(catalog, session_id).items == expected
        assert session_id in listed(catalog, session_id)
    assert [file.name for file in path.parent.iterdir() if "-" not in file.name] == ["sessions.db"]


def test_an_id_that_is_not_allowed_creates_nothing(catalog: Catalog) -> None:
    for problem, session_ids in REFUSED.items():
        for session_id in session_ids:
            with pytest.raises(CatalogError, match=problem):
                catalog.create(session_id, "File")
            with pytest.raises(CatalogError, match="does not exist"):
                catalog.existing(session_id)
    assert catalog.count() == 0


async def test_sessions_of_another_program_are_there(catalog: Catalog, path: Path) -> None:
    for name in ("", "x" * 500, "line\nbreak"):  # IDs that this app would not create
        with closing(SQLiteSession(name, path)) as session:
            await session.add_items(talk(2))
    assert listed(catalog) == ["", "line\nbreak", "x" * 500]
    info = catalog.existing("x" * 500)
    assert (info.title, info.storage, info.item_count) == ("x" * 500, "File", 4)
    assert all_seen(catalog, "").items == talk(2)


def test_a_memory_session_leaves_the_file_alone_and_hides_its_id_there(
    catalog: Catalog, path: Path
) -> None:
    catalog.create("kept", "File")
    add(catalog, "kept", talk(1))
    everything = [query(path, f"SELECT * FROM {table}") for table in TABLES]
    catalog.create("secret", "Memory")
    add(catalog, "secret", [user_item("only in memory")])
    catalog.rename("secret", "Hidden")
    catalog.database("secret").save_reports("secret", [report("Assistant", 1)])
    assert everything == [query(path, f"SELECT * FROM {table}") for table in TABLES]
    files = [file.read_bytes() for file in path.parent.iterdir()]
    assert not any(b"only in memory" in data for data in files)
    assert listed(catalog, "ONLY IN") == listed(catalog, "hidden") == ["secret"]
    with closing(SQLiteSession("secret", path)) as other_program:
        asyncio.run(other_program.add_items([user_item("of another program")]))
    assert listed(catalog) == ["kept", "secret"] and listed(catalog, "another") == []
    for opened, gone in ((catalog, ["secret"]), (Catalog(path), [])):
        assert opened.restart() == gone
        assert listed(opened, "another") == ["secret"] and listed(opened, "memory") == []
        assert all_seen(opened, "kept").items == talk(1)


# -- fork and delete ------------------------------------------------------------------------


@pytest.mark.parametrize("storage", ["File", "Memory"])
@pytest.mark.parametrize("count", [0, 1, 4, 6])
def test_a_fork_copies_the_first_items_and_who_answered(
    catalog: Catalog, path: Path, storage: Storage, count: int
) -> None:
    catalog.create("source", "File")
    insert(path, "source", "not JSON")
    items: list[Any] = [*talk(2), None]
    add(catalog, "source", items)
    ids = [row.id for row in catalog.database("source").rows("source")]
    reports = [report("Sales", *ids[1:3]), report("Support", *ids[3:5])]
    reports[1].calls = [ModelCall(agent="x", runs=[(ids[2], 1, 1), (ids[1], "why", 1)])]
    catalog.database("source").save_reports("source", reports)
    copied = items[: max(0, count - 1)]  # The first row holds no JSON and stays behind.
    assert catalog.fork("source", "copy", count, storage) == copied
    assert all_seen(catalog, "copy").items == copied
    # A fork in the middle of a turn has no reply to label.
    new = [row.id for row in catalog.database("copy").rows("copy")]
    told = catalog.database("copy").reports("copy")
    assert [(each.agent, each.stored) for each in told] == [
        *(("Sales", new[:2]), ("Support", new[2:4])),
    ][: count // 3]
    if count == 6:
        assert told[1].calls == [ModelCall(agent="x", runs=[(new[1], 1, 1), (new[0], "why", 1)])]
    info = catalog.existing("copy")
    assert (info.title, info.storage) == ("source (fork)", storage)
    assert (info.forked_from, info.forked_items) == ("source", len(copied))
    add(catalog, "copy", talk(1))
    assert [row.id for row in catalog.database("source").rows("source")] == ids


@pytest.mark.parametrize("storage", ["File", "Memory"])
def test_delete_leaves_nothing_behind(catalog: Catalog, path: Path, storage: Storage) -> None:
    for name in ("a", "b"):
        catalog.create(name, storage)
        add(catalog, name, talk(1))
        catalog.database(name).save_reports(name, [report(name, 1)])
    held = catalog.database("a")
    catalog.delete("a")
    assert catalog.info("a") is None and listed(catalog) == ["b"]
    for table in TABLES:
        found = query(path, f"SELECT DISTINCT session_id FROM {table}")
        assert found == ([("b",)] if storage == "File" else [])
    assert all_seen(catalog, "b").items == talk(1)
    with pytest.raises(CatalogError, match="does not exist"):
        catalog.rename("a", "new title")
    if storage == "Memory":  # Another tab may be drawing its list.
        with pytest.raises(CatalogError, match="does not exist any more"):
            held.rows("a")


def test_a_free_id_is_the_same_or_has_the_next_number(catalog: Catalog) -> None:
    for session_id, following in (("a", "a_2"), ("x" * 128, "x" * 122 + "_2")):
        assert catalog.free_id(session_id) == session_id
        catalog.create(session_id, "File")
        assert catalog.free_id(session_id) == following
    catalog.create("a_2", "Memory")
    assert catalog.free_id("a") == "a_3" and catalog.free_id("x" * 999) == "x" * 122 + "_2"


def test_a_title_is_one_line_of_whole_characters(catalog: Catalog) -> None:
    catalog.create("a", "File")
    for title in ("", "  \n ", "x" * 201, "half \ud83d"):
        with pytest.raises(CatalogError, match="A title"):
            catalog.rename("a", title)
    catalog.rename("a", f" {FAMILY}\n<b>it's</b> ")
    assert catalog.existing("a").title == f"{FAMILY} <b>it's</b>"
