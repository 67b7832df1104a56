"""Sessions in one file and in memory: created, listed, renamed, forked, deleted, reopened."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from agents import SQLiteSession
from lab_tools import insert, query, report, stored, talk

from session_lab.history.items import user_item
from session_lab.history.report import ModelCall
from session_lab.store.catalog import Catalog, session_id_problem
from session_lab.store.database import CatalogError, Storage

FAMILY = "👩\u200d👩\u200d👧\u200d👦"
ALLOWED = [
    "user_123",
    'it\'s "quoted" `x`',
    "../../etc/passwd",
    "<b onclick=alert(1)>&amp;</b>",
    "**bold** [a](b) :red[c] $x$",
    "'; DROP TABLE agent_sessions; --",
    FAMILY,
    "می\u200cخواهم",
    "שלום עולם",
    "two  spaces inside",
    "%_?*",
    "x" * 128,
    "é",
    "e\u0301",
]
REFUSED = [
    ("", "Type a session ID"),
    ("   ", "Type a session ID"),
    ("x" * 129, "129"),
    (" edge", "begin or end"),
    ("edge ", "begin or end"),
    ("line\nbreak", "invisible"),
    ("tab\there", "invisible"),
    ("nul\0", "invisible"),
    ("right\u202eto left", "invisible"),
    ("\u200d", "can be seen"),
    ("\u200d \u200c", "can be seen"),
    ("half \ud83d", "invisible"),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "made" / "sessions.db"


@pytest.fixture
def catalog(path: Path) -> Catalog:
    return Catalog(path)


def listed(catalog: Catalog, search: str = "") -> list[str]:
    return [info.session_id for info in catalog.sessions(search, 10_000)]


@pytest.mark.parametrize("storage", ["File", "Memory"])
async def test_an_id_that_is_allowed_is_kept_as_typed(
    catalog: Catalog, path: Path, storage: Storage
) -> None:
    for number, session_id in enumerate(ALLOWED):
        assert session_id_problem(session_id) is None
        assert catalog.create(session_id, storage)
        assert catalog.existing(session_id).storage == storage
        await catalog.open(session_id).add_items([user_item(f"text of {number}")])
    assert sorted(listed(catalog)) == sorted(ALLOWED)
    for number, session_id in enumerate(ALLOWED):
        expected = [user_item(f"text of {number}")]
        assert stored(path, session_id) == (expected if storage == "File" else [])
        assert await catalog.open(session_id).get_items() == expected
        assert session_id in listed(catalog, session_id)
    assert [file.name for file in path.parent.iterdir() if "-" not in file.name] == ["sessions.db"]


@pytest.mark.parametrize(("session_id", "problem"), REFUSED)
def test_an_id_that_is_not_allowed_creates_nothing(
    catalog: Catalog, session_id: str, problem: str
) -> None:
    with pytest.raises(CatalogError, match=problem):
        catalog.create(session_id, "File")
    assert catalog.info(session_id) is None and catalog.count() == 0
    with pytest.raises(CatalogError, match="does not exist"):
        catalog.existing(session_id)


async def test_an_id_that_exists_is_opened_and_not_overwritten(
    catalog: Catalog, path: Path
) -> None:
    catalog.create("a", "File")
    await catalog.open("a").add_items(talk(1))
    catalog.rename("a", "My title")
    assert not catalog.create("a", "Memory")
    again = catalog.existing("a")
    assert (again.storage, again.title, again.item_count) == ("File", "My title", 2)
    assert stored(path, "a") == talk(1) and catalog.count() == 1


async def test_sessions_of_another_program_are_there(catalog: Catalog, path: Path) -> None:
    for name in ("", "x" * 500, "line\nbreak"):  # IDs that this app would not create
        with closing(SQLiteSession(name, path)) as session:
            await session.add_items(talk(2))
    assert sorted(listed(catalog)) == ["", "line\nbreak", "x" * 500]
    info = catalog.existing("x" * 500)
    assert (info.title, info.storage, info.item_count) == ("x" * 500, "File", 4)
    assert await catalog.open("").get_items() == talk(2)


async def test_a_memory_session_leaves_the_file_alone(catalog: Catalog, path: Path) -> None:
    catalog.create("kept", "File")
    await catalog.open("kept").add_items(talk(1))
    everything = [query(path, f"SELECT * FROM {t}") for t in ("agent_messages", "lab_sessions")]
    catalog.create("secret", "Memory")
    await catalog.open("secret").add_items([user_item("only in memory")])
    catalog.rename("secret", "Hidden")
    catalog.database("secret").save_reports("secret", [report("Assistant", 1)])
    assert everything == [
        query(path, f"SELECT * FROM {t}") for t in ("agent_messages", "lab_sessions")
    ]
    assert b"only in memory" not in b"".join(
        file.read_bytes() for file in path.parent.iterdir() if file.is_file()
    )
    assert listed(catalog, "ONLY IN") == listed(catalog, "hidden") == ["secret"]


async def test_a_memory_session_hides_one_of_the_same_id_in_the_file(
    catalog: Catalog, path: Path
) -> None:
    catalog.create("a", "Memory")
    catalog.create("b", "File")
    with closing(SQLiteSession("a", path)) as other_program:
        await other_program.add_items(talk(1))
    assert sorted(listed(catalog)) == ["a", "b"] and catalog.count() == 2
    assert listed(catalog, "question") == [] and catalog.count("question") == 0
    catalog.restart()
    assert catalog.existing("a").item_count == 2 and catalog.count("question") == 1


async def test_after_a_restart_file_sessions_are_back(catalog: Catalog, path: Path) -> None:
    for name, storage in (("file", "File"), ("memory", "Memory")):
        catalog.create(name, storage)  # type: ignore[arg-type]
        await catalog.open(name).add_items(talk(1))
    for opened in (catalog, Catalog(path)):
        assert opened.restart() == (["memory"] if opened is catalog else [])
        assert listed(opened) == ["file"] and opened.info("memory") is None
        assert await opened.open("file").get_items() == talk(1)


# -- fork and delete ------------------------------------------------------------------------


@pytest.mark.parametrize("storage", ["File", "Memory"])
@pytest.mark.parametrize("count", [0, 1, 4, 6])
async def test_a_fork_copies_the_first_items_and_who_answered(
    catalog: Catalog, path: Path, storage: Storage, count: int
) -> None:
    catalog.create("source", "File")
    insert(path, "source", "not JSON")
    await catalog.open("source").add_items([*talk(2), None])  # type: ignore[list-item]
    rows = catalog.database("source").rows("source")
    reports = [report("Sales", rows[1].id, rows[2].id), report("Support", rows[3].id, rows[4].id)]
    reports[1].calls = [ModelCall(agent="x", sent=[rows[2].id], not_sent={"why": [rows[1].id]})]
    catalog.database("source").save_reports("source", reports)
    items: list[Any] = [*talk(2), None]
    copied = items[: max(0, count - 1)]  # The first row holds no JSON and stays behind.
    assert await catalog.fork("source", "copy", count, storage) == copied
    assert await catalog.open("copy").get_items() == copied
    copy = catalog.database("copy")
    told = copy.reports("copy")
    # A fork in the middle of a turn has no reply to label.
    assert [each.agent for each in told] == ["Sales", "Support"][: count // 3]
    ids = [row.id for row in copy.rows("copy")]
    assert [each.stored for each in told] == [ids[:2], ids[2:4]][: count // 3]
    if count == 6:
        assert told[1].calls == [ModelCall(agent="x", sent=[ids[1]], not_sent={"why": [ids[0]]})]
    info = catalog.existing("copy")
    assert (info.title, info.storage) == ("source (fork)", storage)
    assert (info.forked_from, info.forked_items) == ("source", len(copied))
    await catalog.open("copy").add_items(talk(1))
    assert (
        catalog.existing("source").item_count == 6
        and len(catalog.database("source").rows("source")) == 6
    )


async def test_a_fork_never_writes_into_a_session_that_exists(catalog: Catalog, path: Path) -> None:
    for name in ("a", "b"):
        catalog.create(name, "File")
        await catalog.open(name).add_items([user_item(name)])
    for new_id, problem in [("b", "exists"), ("a", "exists"), ("a\nb", "invisible")]:
        with pytest.raises(CatalogError, match=problem):
            await catalog.fork("a", new_id, 1, "File")
    with pytest.raises(CatalogError, match="does not exist"):
        await catalog.fork("gone", "c", 1, "File")
    assert stored(path, "b") == [user_item("b")] and catalog.count() == 2


@pytest.mark.parametrize("storage", ["File", "Memory"])
async def test_delete_leaves_nothing_behind(catalog: Catalog, path: Path, storage: Storage) -> None:
    for name in ("a", "b"):
        catalog.create(name, storage)
        await catalog.open(name).add_items(talk(1))
        catalog.database(name).save_reports(name, [report(name, 1)])
    await catalog.delete("a")
    assert catalog.info("a") is None and listed(catalog) == ["b"]
    for table in ("agent_messages", "agent_sessions", "lab_sessions", "lab_turns"):
        found = query(path, f"SELECT DISTINCT session_id FROM {table}")
        assert found == ([("b",)] if storage == "File" else [])
    assert await catalog.open("b").get_items() == talk(1)
    with pytest.raises(CatalogError, match="does not exist"):
        catalog.rename("a", "new title")


@pytest.mark.parametrize("title", ["", "  \n ", "x" * 201, "half \ud83d"])
def test_a_title_that_cannot_be_kept_is_refused(catalog: Catalog, title: str) -> None:
    catalog.create("a", "File")
    with pytest.raises(CatalogError, match="A title"):
        catalog.rename("a", title)
    catalog.rename("a", f" {FAMILY}\n<b>it's</b> ")
    assert catalog.existing("a").title == f"{FAMILY} <b>it's</b>"
