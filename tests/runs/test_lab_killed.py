"""A process that is killed at any statement of a change leaves all of the change, or nothing."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from lab_tools import query, report, stored, talk
from policy_tools import tool_turn

from session_lab.history.items import assistant_item
from session_lab.runs.lab import Lab
from session_lab.store.seen import all_seen, last_turn

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
ITEMS = [*talk(2), *tool_turn(3)]


def edit(lab: Lab) -> Awaitable[None]:
    return lab.edit_item("s", lab.catalog.database("s").rows("s")[1], "edited")


CHANGES: dict[str, Callable[[Lab], Awaitable[Any]]] = {
    "undo": lambda lab: lab.remove("s", last_turn(lab.catalog, "s"), whole_turn=True),
    "edit": edit,
    "clear": lambda lab: lab.clear("s", all_seen(lab.catalog, "s").version),
    "delete": lambda lab: lab.delete("s", all_seen(lab.catalog, "s").version),
    "fork": lambda lab: lab.fork("s", "new", 6, "File"),
    "import": lambda lab: lab.import_items("new", "A title", ITEMS),
}


class Killed(sqlite3.Connection):
    """Ends the process before a statement or a commit, as `kill -9` would."""

    left = -1

    def _count(self) -> None:
        Killed.left -= 1
        if Killed.left == 0:
            os._exit(9)

    def execute(self, *args: Any) -> sqlite3.Cursor:
        self._count()
        return super().execute(*args)

    def executemany(self, *args: Any) -> sqlite3.Cursor:
        self._count()
        return super().executemany(*args)

    def commit(self) -> None:
        self._count()
        super().commit()

    def __exit__(self, *args: Any) -> Any:
        self._count()
        return super().__exit__(*args)


def killed_at(number: int, path: Path, name: str) -> bool:
    """Change the file in a process that is killed there. False if the change was done before."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    sqlite3.connect = partial(sqlite3.connect, factory=Killed)

    async def change() -> None:
        lab = Lab(path, None)
        Killed.left = number
        await CHANGES[name](lab)

    try:
        asyncio.run(change())
        os._exit(0)
    finally:
        os._exit(1)


async def prepare(path: Path) -> None:
    lab = Lab(path, None)
    await lab.import_items("s", "s", ITEMS)
    database = lab.catalog.database("s")
    database.save_reports("s", [report("Assistant", 1, 2), report("Sales", 5, 6, 7, 8)])
    await lab.close()


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
def test_a_change_is_whole_or_absent(tmp_path: Path, name: str) -> None:
    asyncio.run(prepare(tmp_path / "0.db"))
    states, killed = [state(tmp_path / "0.db")], True
    while killed:
        path = tmp_path / f"{len(states)}.db"
        asyncio.run(prepare(path))
        killed = killed_at(len(states), path, name)
        states.append(state(path))
    items = [each["items"] for each in states]
    absent, whole = items.count(items[0]), items[-1]
    assert 1 < absent < len(items), "it was killed before the change"
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
