"""The doctor: what it finds in files of any program, and that it leaves them as they are."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from agents import SQLiteSession
from agents.extensions.memory import AdvancedSQLiteSession, EncryptedSession
from lab_tools import insert, stored, talk
from policy_tools import call, output

from session_lab.doctor import main
from session_lab.history.items import user_item

LOST = [*talk(1), user_item("Where is it?"), call("a")]


async def write(path: Path, items: list[Any], session_id: str = "s", **tables: str) -> None:
    with closing(SQLiteSession(session_id, path, **tables)) as session:
        await session.add_items(items)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


async def test_findings_are_listed_and_the_files_stay_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "app.db"
    await write(path, talk(2), "whole")
    with closing(SQLiteSession("cut", path)) as in_use:  # What it has written is in app.db-wal.
        await in_use.add_items(LOST)
        before = contents(tmp_path)
        assert len(before) == 3
        assert main([str(path)]) == 1
        assert main([str(path), "--session", "whole"]) == 0
        assert contents(tmp_path) == before
    assert sorted(capsys.readouterr().out.splitlines()) == sorted(
        [
            "cut  items: 4, findings: 2",
            "  3  user: Where is it?",
            "     No reply is stored to this message. Retry it (a run with an empty input list), "
            "or undo the turn.",
            "  4  tool call: look({})",
            "     Tool call without its output. It is not sent. Undo the turn, or make a repaired "
            "copy.",
            *["whole  items: 4, findings: 0"] * 2,
            "  1  user: question 0",
            "  2  assistant: answer 0",
            "  3  user: question 1",
            "  4  assistant: answer 1",
        ]
    )


async def test_json_and_rows_that_hold_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "app.db"
    await write(path, [output("a")])
    insert(path, "s", "not JSON", b"\xff")
    assert main([str(path), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["session_id"], told["items"]) == ("s", 3)
    assert [(each["place"], each["rule"], each["is_refused"]) for each in told["findings"]] == [
        *((1, "pair", True), (2, "form", False), (3, "form", False)),
    ]


async def test_what_an_api_carries_depends_on_the_api(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    await write(path, [*talk(1), user_item("Look."), {"type": "mcp_call", "id": "m"}, talk(1)[1]])
    assert main([str(path)]) == 0
    assert main([str(path), "--api", "Chat Completions"]) == 1


async def test_files_of_the_other_sqlite_classes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = {"sessions_table": "my_sessions", "messages_table": "my_messages"}
    await write(tmp_path / "own.db", LOST, **tables)
    assert main([str(tmp_path / "own.db")]) == 1
    await write(tmp_path / "own.db", talk(1), messages_table="other", sessions_table="others")
    assert main([str(tmp_path / "own.db")]) == 2
    assert "my_messages, other. Name one of them with --table." in capsys.readouterr().err
    assert main([str(tmp_path / "own.db"), "--table", "other"]) == 0

    inner = SQLiteSession("s", tmp_path / "secret.db")
    await EncryptedSession("s", inner, "key").add_items(LOST)
    inner.close()
    assert main([str(tmp_path / "secret.db")]) == 0
    assert "s  items: 4, encrypted by EncryptedSession" in capsys.readouterr().out

    path = tmp_path / "advanced.db"
    with closing(AdvancedSQLiteSession(session_id="s", db_path=path, create_tables=True)) as made:
        await made.add_items(talk(1))
    assert main([str(path)]) == 0
    assert "all its branches are shown" in capsys.readouterr().err


def test_repaired_copies_go_into_a_new_file(tmp_path: Path) -> None:
    old, new = tmp_path / "app.db", tmp_path / "repaired.db"
    asyncio.run(write(old, LOST))
    assert main([str(old), "--repair-into", str(new)]) == 1
    assert stored(new, "s") == LOST[:3] and stored(old, "s") == LOST
    assert main([str(old), "--repair-into", str(new)]) == 2, "it never writes into a file"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "some.db. Check its path."),
        (b"no database at all, but long enough for one", "file is not a database"),
        ("CREATE TABLE t (x)", "holds no sessions of the SDK: no table has the columns id,"),
        ("CREATE VIEW agent_messages AS SELECT 1", "holds no sessions of the SDK"),
    ],
)
def test_a_file_that_it_cannot_examine_is_named_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | str | None, problem: str
) -> None:
    path = tmp_path / "some.db"
    if isinstance(content, bytes):
        path.write_bytes(content * 20)
    elif content:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(content)
    assert main([str(path)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert problem in line
