"""The rows of one database, whoever wrote them."""

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from agents import SQLiteSession
from lab_tools import insert, query, report, talk

from session_lab.history.items import user_item
from session_lab.store.catalog import Catalog
from session_lab.store.database import SHOWN_TABLES, SessionDatabase, SessionInfo

FOREIGN_REPORTS = [
    json.dumps({**json.loads(report("Assistant", 1).model_dump_json()), name: {"n": 0}})
    for name in report("Assistant").model_dump()
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
def database(path: Path) -> SessionDatabase:
    return Catalog(path).database("any")


async def write(path: Path, session_id: str, *texts: str) -> None:
    """What another program does: the SDK alone."""
    with closing(SQLiteSession(session_id, path)) as session:
        await session.add_items([user_item(text) for text in texts])


def found(database: SessionDatabase, search: str) -> list[str]:
    listed = [info.session_id for info in database.sessions(search, 1000)]
    assert database.count(search) == len(listed), "the list and its length differ"
    return sorted(listed)


# -- damaged rows ---------------------------------------------------------------------------

DAMAGED: list[str | bytes] = [
    "not JSON",
    "",
    '{"role": "user", "content": "cut o',
    "7",
    '"text"',
    "null",
    " null\n",
    "[]",
    "{}",
    '{"role": "user", "content": "half \\ud83d of a character"}',
    "NaN",
    "[" * 5_000,
    b'{"role": "user", "content": "as bytes"}',
    b"\xff\xfe not text",
]


def test_every_damaged_row_is_listed_and_none_hides_the_others(
    path: Path, database: SessionDatabase
) -> None:
    insert(path, "damaged", *DAMAGED, json.dumps(user_item("whole")))
    # A program in another language can store bytes that are no UTF-8 as text.
    query(path, "INSERT INTO agent_messages VALUES (99, 'damaged', CAST(x'ff7b' AS TEXT), '')")
    rows = database.rows("damaged")
    assert len(rows) == len(DAMAGED) + 2 == database.version("damaged").item_count
    assert [row.data for row in rows[:3]] == DAMAGED[:3]
    assert all(isinstance(row.data, str) for row in rows)
    assert found(database, "whole") == found(database, "as bytes") == ["damaged"]
    assert found(database, "no such text") == []


async def test_is_item_tells_what_the_sdk_reads(path: Path, database: SessionDatabase) -> None:
    readable = [data for data in DAMAGED if data != "[" * 5_000 and data != DAMAGED[-1]]
    insert(path, "damaged", *readable)
    with closing(SQLiteSession("damaged", path)) as session:
        read_by_the_sdk = await session.get_items()
    items = [row.item for row in database.rows("damaged") if row.is_item]
    # NaN is not equal to itself.
    assert list(map(repr, items)) == list(map(repr, read_by_the_sdk))


# -- search ---------------------------------------------------------------------------------


async def test_search_finds_text_title_and_id_in_any_script_and_case(
    path: Path, database: SessionDatabase
) -> None:
    texts = {
        "straße": "STRASSE",
        "Ärger 🙂": "ärger 🙂",
        "日本語のテキスト": "本語",
        "שלום": "שלום",
        "cafe\u0301": "CAFÉ",
        "na\u00efve": "nai\u0308ve",
        "ﬁne": "fine",
        "İstanbul": "istanbul",
    }
    for number, text in enumerate(texts):
        await write(path, f"other_{number}", "nothing", text)
    stored_as = query(path, "SELECT message_data FROM agent_messages")
    assert all(data.isascii() for (data,) in stored_as), "the SDK escapes what is not ASCII"
    for number, search in enumerate(texts.values()):
        assert found(database, search) == [f"other_{number}"]
    assert found(database, "OTHER_3") == ["other_3"]
    info = database.info("other_1")
    assert info is not None
    database.rename(info, "Über alles")
    assert found(database, "ÜBER") == ["other_1"]


@pytest.mark.parametrize(
    "search", ["role", "content", '"', "{", "\\u", "output_text", "call_id", "%", "_ _"]
)
async def test_search_does_not_find_the_json_around_the_text(
    path: Path, database: SessionDatabase, search: str
) -> None:
    items = [*talk(2), {"type": "function_call", "call_id": "c", "name": "look", "arguments": ""}]
    items.append({"type": "function_call_output", "call_id": "c", "output": "sëen"})
    with closing(SQLiteSession("talk", path)) as session:
        await session.add_items(items)
    assert found(database, search) == []
    assert found(database, "SËEN") == found(database, "look") == ["talk"]


async def test_search_finds_no_word_in_a_picture(path: Path, database: SessionDatabase) -> None:
    picture = {"type": "input_image", "image_url": "data:image/png;base64," + "cafe" * 50}
    items: list[Any] = [{"role": "user", "content": [picture]}]
    items.append({"type": "image_generation_call", "id": "i", "result": "cafe" * 50})
    with closing(SQLiteSession("picture", path)) as session:
        await session.add_items(items)
    assert found(database, "cafe") == [] and found(database, "image") == ["picture"]


async def test_a_search_term_is_text_and_no_pattern(path: Path, database: SessionDatabase) -> None:
    await write(path, "percent", '100% of it\'s "quoted" [a-z]* a_b')
    for search in ["100%", "it's", '"quoted"', "[a-z]*", "a_b"]:
        assert found(database, search) == ["percent"]
    assert found(database, "1%f") == found(database, "aXb") == found(database, "'; DROP") == []


# -- order ----------------------------------------------------------------------------------


async def test_most_recent_first_and_the_sdks_times_count(
    path: Path, database: SessionDatabase
) -> None:
    database.touch("a")
    database.touch("b")
    assert [info.session_id for info in database.sessions("", 9)] == ["b", "a"]
    await write(path, "a", "hello")
    sql = "UPDATE agent_sessions SET updated_at = datetime('now', '+5 seconds')"
    query(path, sql)
    [first, second] = database.sessions("", 9)
    assert (first.session_id, first.item_count, second.item_count) == ("a", 1, 0)
    assert 0 < first.updated - time.time() < 6, "seconds since the epoch, whatever the time zone"


async def test_a_session_dated_in_the_future_does_not_stay_on_top(
    path: Path, database: SessionDatabase
) -> None:
    for name in ("future", "past"):
        await write(path, name, "hello")
        query(path, f"UPDATE agent_sessions SET created_at = '2020-01-0{len(name)}'")
    query(path, "UPDATE agent_sessions SET updated_at = '2999-01-01' WHERE session_id = 'future'")
    database.touch("touched")
    query(path, "UPDATE lab_sessions SET touched_at = 9e12")
    listed = {info.session_id: info.updated for info in database.sessions("", 9)}
    assert list(listed) == ["past", "future", "touched"]
    assert listed["future"] == pytest.approx(1578096000) and listed["touched"] == 0


async def test_rename_keeps_the_place_of_sessions_that_only_the_sdk_knows(
    path: Path, database: SessionDatabase
) -> None:
    for name in ("old", "new"):
        await write(path, name, "hello")
    query(path, "UPDATE agent_sessions SET updated_at = '2020-01-01' WHERE session_id = 'old'")
    info = database.info("old")
    assert info is not None
    database.rename(info, "A better title")
    listed = database.sessions("", 9)
    assert [(each.session_id, each.title) for each in listed] == [
        ("new", "new"),
        ("old", "A better title"),
    ]
    assert listed[1].updated == info.updated == pytest.approx(1577836800)


# -- rows and reports -----------------------------------------------------------------------


async def test_rows_from_either_end(path: Path, database: SessionDatabase) -> None:
    await write(path, "other", "between")
    await write(path, "talk", *"abcde")
    rows = database.rows("talk")
    assert database.rows("talk", last=2) == rows[-2:]
    assert database.rows("talk", after=rows[2].id) == rows[3:]
    assert database.rows("talk", last=1, after=rows[2].id) == rows[4:]
    assert database.rows("talk", last=0) == database.rows("nobody") == []


async def test_row_ids_are_never_used_twice(path: Path, database: SessionDatabase) -> None:
    """Otherwise an undone and repeated turn would look like the session that was confirmed."""
    with closing(SQLiteSession("talk", path)) as session:
        await session.add_items(talk(1))
        before = database.version("talk")
        await session.clear_session()
        await session.add_items(talk(1))
    after = database.version("talk")
    assert after.item_count == before.item_count and after != before


async def test_reports_follow_their_questions(path: Path, database: SessionDatabase) -> None:
    await write(path, "talk", *"abc")
    first, second, third = (row.id for row in database.rows("talk"))
    one, two, three = report("one", first), report("two", second), report("three", third)
    database.save_reports("talk", [one, two, three])
    database.save_reports("other", [three])
    assert database.reports("talk", second) == [two, three]
    with closing(SQLiteSession("talk", path)) as session:
        await session.pop_item()
    database.drop_reports("talk")
    assert database.reports("talk") == [one, two]
    assert database.reports("other") == [three]


@pytest.mark.parametrize("foreign", ["no JSON", "[]", "null", "{}", 7, b"\xff", *FOREIGN_REPORTS])
def test_what_is_no_report_is_passed_over(path: Path, foreign: object) -> None:
    database = Catalog(path).database("any")
    database.save_reports("talk", [report("Assistant", 1)])
    query(path, "INSERT INTO lab_turns VALUES ('talk', 2, ?)", foreign)
    assert database.reports("talk") == [report("Assistant", 1)]


def test_a_session_whose_columns_hold_other_types_is_listed(
    path: Path, database: SessionDatabase
) -> None:
    query(path, "INSERT INTO agent_sessions VALUES ('talk', x'00ff', 'no time')")
    query(path, "INSERT INTO lab_sessions VALUES ('talk', x'41', 5, 7, 'many', 'no time')")
    query(path, "INSERT INTO agent_messages VALUES (1, 'talk', '{}', NULL)")
    query(path, "INSERT INTO agent_messages VALUES (2, 'talk', '{}', 12)")
    info = SessionInfo("talk", "A", "File", 2, 0.0, "7", 0)
    assert database.info("talk") == info and database.sessions("", 9) == [info]
    assert [row.created_at for row in database.rows("talk")] == ["", "12"]


def test_only_the_tables_that_are_shown_can_be_read_by_name(database: SessionDatabase) -> None:
    database.touch("talk")
    for table in SHOWN_TABLES:
        assert len(database.table_rows("talk", table)) == (table == "lab_sessions")
    with pytest.raises(ValueError, match="sqlite_master"):
        database.table_rows("talk", "sqlite_master")


def test_a_failed_write_changes_nothing(path: Path, database: SessionDatabase) -> None:
    database.touch("talk")
    with pytest.raises(sqlite3.IntegrityError):
        none: Any = None
        wrong = report("Assistant", 2).model_copy(update={"stored": [none]})
        database.save_reports("talk", [report("Assistant", 1), wrong])
    assert query(path, "SELECT count(*) FROM lab_turns") == [(0,)]
