"""The rows of one database, whoever wrote them."""

import json
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from agents import SQLiteSession
from lab_tools import insert, query, report, talk
from policy_tools import call, output

from session_lab.history.items import user_item
from session_lab.store.catalog import Catalog
from session_lab.store.database import SessionDatabase, SessionInfo

PICTURE = {"type": "input_image", "image_url": "data:image/png;base64," + "cafe" * 50}


@pytest.fixture
def database(catalog: Catalog) -> SessionDatabase:
    return catalog.database("any")


async def write(path: Path, session_id: str, items: Sequence[Any]) -> None:
    """What another program does: the SDK alone."""
    with closing(SQLiteSession(session_id, path)) as session:
        await session.add_items([user_item(x) if isinstance(x, str) else x for x in items])


def found(database: SessionDatabase, search: str) -> list[str]:
    listed = [info.session_id for info in database.sessions(search, 1000)]
    assert database.count(search) == len(listed), "the list and its length differ"
    return sorted(listed)


# -- damaged rows ---------------------------------------------------------------------------

DAMAGED: list[str | bytes] = [
    *("not JSON", "", '{"role": "user", "content": "cut o', "7", '"text"', "null", " null\n"),
    *("[]", "{}", '{"role": "user", "content": "half \\ud83d of a character"}', "NaN"),
    b'{"role": "user", "content": "as bytes"}',
]
UNREADABLE_FOR_THE_SDK = ["[" * 5_000, b"\xff\xfe not text"]


async def test_damaged_rows_are_listed_as_the_sdk_reads_them_and_hide_no_others(
    path: Path, database: SessionDatabase
) -> None:
    insert(path, "damaged", *DAMAGED, json.dumps(user_item("whole")))
    with closing(SQLiteSession("damaged", path)) as session:
        read_by_the_sdk = await session.get_items()
    items = [row.item for row in database.rows("damaged") if row.is_item]
    # NaN is not equal to itself.
    assert list(map(repr, items)) == list(map(repr, read_by_the_sdk))
    insert(path, "damaged", *UNREADABLE_FOR_THE_SDK)
    # A program in another language can store bytes that are no UTF-8 as text.
    query(path, "INSERT INTO agent_messages VALUES (99, 'damaged', CAST(x'ff7b' AS TEXT), '')")
    rows = database.rows("damaged")
    assert len(rows) == len(DAMAGED) + 4 == database.version("damaged").item_count
    assert [row.data for row in rows[:11]] == DAMAGED[:11]
    assert all(isinstance(row.data, str) for row in rows)
    assert found(database, "whole") == found(database, "as bytes") == ["damaged"]
    assert found(database, "no such text") == []


def test_columns_that_hold_other_types_are_read(path: Path, database: SessionDatabase) -> None:
    query(path, "INSERT INTO agent_sessions VALUES ('talk', x'00ff', 'no time')")
    query(path, "INSERT INTO lab_sessions VALUES ('talk', x'41', 5, 7, 'many', 'no time')")
    query(path, "INSERT INTO agent_messages VALUES (1, 'talk', '{}', NULL), (2, 'talk', '{}', 12)")
    info = SessionInfo("talk", "A", "File", 2, 0.0, "7", 0)
    assert database.info("talk") == info and database.sessions("", 9) == [info]
    assert [row.created_at for row in database.rows("talk")] == ["", "12"]


# -- search ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "finds", "finds_not"),
    [
        ("straße", ["STRASSE", "straß"], ["strase"]),
        ("Ärger 🙂", ["ärger 🙂", "🙂"], ["arger"]),
        ("日本語のテキスト", ["本語"], ["\\u"]),
        ("cafe\u0301, na\u00efve", ["CAFÉ", "nai\u0308ve"], ["nave"]),
        ("ﬁne, İstanbul, 5 ㎒", ["fine", "istanbul", "mhz"], ["ist nbul"]),
        ({"role": "user", "content": [PICTURE]}, ["image"], ["cafe"]),
        ({"type": "image_generation_call", "id": "i", "result": "cafe" * 50}, ["image"], ["cafe"]),
        ("שלום", ["שלום"], ["role", "content", '"', "{"]),
        ('100% of it\'s "q" [a-z]* a_b', ["100%", "it's", '"q"', "[A-Z]*", "a_b"], ["1%f", "aXb"]),
        (call("c1"), ["LOOK"], ["call_id", "function_call", "c1", "_ _"]),
        (output("c1", "sëen"), ["SËEN"], ["output", "'; DROP"]),
        (talk(1)[1], ["answer 0"], ["assistant", "output_text", "%"]),
    ],
)
async def test_search_finds_what_a_person_reads_and_not_the_json_around_it(
    path: Path, database: SessionDatabase, text: Any, finds: list[str], finds_not: list[str]
) -> None:
    await write(path, "Über_1", ["nothing", text])
    await write(path, "other", ["nothing"])
    info = database.info("other")
    assert info is not None
    database.rename(info, "Ein Titel")
    assert found(database, "üBER_") == ["Über_1"] and found(database, "TITEL") == ["other"]
    assert [found(database, search) for search in finds] == [["Über_1"]] * len(finds)
    assert [found(database, search) for search in finds_not] == [[]] * len(finds_not)


# -- order ----------------------------------------------------------------------------------


async def test_most_recent_first_by_our_time_and_the_sdks_and_a_rename_moves_nothing(
    path: Path, database: SessionDatabase
) -> None:
    database.touch("a")
    database.touch("b")
    assert [info.session_id for info in database.sessions("", 9)] == ["b", "a"]
    await write(path, "a", ["hello"])
    await write(path, "old", ["hello"])
    query(path, "UPDATE agent_sessions SET updated_at = datetime('now', '+5 seconds')")
    query(path, "UPDATE agent_sessions SET updated_at = '2020-01-01' WHERE session_id = 'old'")
    old = database.info("old")
    assert old is not None
    database.rename(old, "A better title")
    first, second, third = database.sessions("", 9)
    assert [first.session_id, second.session_id, third.title] == ["a", "b", "A better title"]
    assert (first.item_count, second.item_count) == (1, 0)
    assert 0 < first.updated - time.time() < 6, "seconds since the epoch, whatever the time zone"
    assert third.updated == old.updated == pytest.approx(1577836800)


async def test_a_session_dated_in_the_future_does_not_stay_on_top(
    path: Path, database: SessionDatabase
) -> None:
    for name in ("future", "past"):
        await write(path, name, ["hello"])
        query(path, f"UPDATE agent_sessions SET created_at = '2020-01-0{len(name)}'")
    query(path, "UPDATE agent_sessions SET updated_at = '2999-01-01' WHERE session_id = 'future'")
    database.touch("touched")
    query(path, "UPDATE lab_sessions SET touched_at = 9e12")
    listed = {info.session_id: info.updated for info in database.sessions("", 9)}
    assert list(listed) == ["past", "future", "touched"]
    assert listed["future"] == pytest.approx(1578096000) and listed["touched"] == 0


# -- rows and reports -----------------------------------------------------------------------


async def test_reports_follow_their_questions(path: Path, database: SessionDatabase) -> None:
    await write(path, "talk", "abc")
    one, two, three = (report(f"agent {row.id}", row.id) for row in database.rows("talk"))
    database.save_reports("talk", [one, two, three])
    database.save_reports("other", [three])
    assert database.reports("talk", two.stored[0]) == [two, three]
    assert database.reports("talk", two.stored[0], 1) == [two]
    with closing(SQLiteSession("talk", path)) as session:
        await session.pop_item()
    database.drop_reports("talk")
    assert database.reports("talk") == [one, two]
    assert database.reports("other") == [three]
    none: Any = None
    with pytest.raises(sqlite3.IntegrityError):
        wrong = one.model_copy(update={"stored": [none]})
        database.save_reports("new", [three, wrong])
    assert database.reports("new") == [], "a failed write changes nothing"


def test_what_is_no_report_is_passed_over(path: Path, database: SessionDatabase) -> None:
    whole = report("Assistant", 1)
    fields = json.loads(whole.model_dump_json())
    broken = [json.dumps({**fields, name: {"n": 0}}) for name in fields]
    broken.append(json.dumps({**fields, "version": whole.version - 1}))
    database.save_reports("talk", [whole])
    for row, foreign in enumerate(["no JSON", "[]", "null", "{}", 7, b"\xff", *broken], start=2):
        query(path, "INSERT INTO lab_turns VALUES ('talk', ?, ?)", row, foreign)
    assert database.reports("talk") == [whole]


def test_a_touched_session_has_a_row_that_is_shown(database: SessionDatabase) -> None:
    database.touch("talk")
    counts = {table: len(rows) for table, rows in database.other_tables("talk").items()}
    assert counts == {"agent_sessions": 0, "lab_sessions": 1, "lab_turns": 0}
