"""A process that dies at any statement of a change leaves all of the change, or nothing."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from lab_tools import query, report, stored, talk
from policy_tools import tool_turn

from session_lab.history.items import assistant_item
from session_lab.runs.lab import Lab
from session_lab.store.seen import all_seen, last_turn

ITEMS = [*talk(2), *tool_turn(3)]


CHANGES: dict[str, Callable[[Lab], Awaitable[Any]]] = {
    "undo": lambda lab: lab.remove("s", last_turn(lab.catalog, "s"), whole_turn=True),
    "edit": lambda lab: lab.edit_item("s", lab.catalog.database("s").rows("s")[1], "edited"),
    "clear": lambda lab: lab.clear("s", all_seen(lab.catalog, "s").version),
    "delete": lambda lab: lab.delete("s", all_seen(lab.catalog, "s").version),
    "fork": lambda lab: lab.fork("s", "new", 6, "File"),
    "import": lambda lab: lab.import_items("new", "A title", ITEMS),
}


def state(path: Path) -> dict[str, Any]:
    """What a person finds afterwards: the items, and which replies have a label."""
    labels = "SELECT session_id, first_row FROM lab_turns ORDER BY 1, 2"
    rows = {row for (row,) in query(path, "SELECT id FROM agent_messages")}
    listed = query(path, "SELECT session_id FROM agent_sessions")
    return {
        "items": {name: stored(path, name) for (name,) in listed},
        "labels": [(name, row) for name, row in query(path, labels) if row in rows],
    }


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_whole_or_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    files, copies, connect = tmp_path / "files", [], sqlite3.connect
    lab = Lab(files / "sessions.db", None)

    def copy(statement: str) -> None:
        """What `kill -9` would leave before it."""
        copies.append(tmp_path / f"{len(copies)}")
        shutil.copytree(files, copies[-1])

    def connect_watched(*args: Any, **more: Any) -> sqlite3.Connection:
        connection = connect(*args, **more)
        connection.set_trace_callback(copy)
        return connection

    async def change() -> None:
        await lab.import_items("s", "s", ITEMS)
        database = lab.catalog.database("s")
        database.save_reports("s", [report("Assistant", 1, 2), report("Sales", 5, 6, 7, 8)])
        with monkeypatch.context() as watching:
            watching.setattr(sqlite3, "connect", connect_watched)
            await CHANGES[name](lab)

    asyncio.run(change())
    states = [state(folder / "sessions.db") for folder in (*copies, files)]
    items = [each["items"] for each in states]
    absent, whole = items.count(items[0]), items[-1]
    assert 1 < absent < len(items), "it dies before the change too"
    # Nothing that comes after the change takes any of it back.
    assert items == [items[0]] * absent + [whole] * (len(items) - absent)
    assert all(each["labels"] == states[0]["labels"] for each in states[:absent])
    edited = [*ITEMS[:1], assistant_item("edited"), *ITEMS[2:]]
    assert whole == {
        "undo": {"s": ITEMS[:4]},
        "edit": {"s": edited},
        "clear": {},
        "delete": {},
        "fork": {"s": ITEMS, "new": ITEMS[:6]},
        "import": {"s": ITEMS, "new": ITEMS},
    }.get(name)
    if name == "edit":
        assert not any(("s", 1) in each["labels"] for each in states[absent:]), (
            "the agent did not write that"
        )
