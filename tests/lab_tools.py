"""What the tests of the lab share: a look at the rows without the lab, and labs that are closed."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

from agents.testing import ScriptedModel, assistant_message, function_call

from session_lab.history.items import assistant_item, text_of, user_item
from session_lab.history.policies import MemoryPolicy
from session_lab.history.report import TurnReport
from session_lab.runs.compare import Comparison
from session_lab.runs.lab import Lab
from session_lab.runs.loop import BackgroundLoop
from session_lab.runs.session_log import LiveTurn
from session_lab.store.catalog import Catalog
from session_lab.store.database import Row
from session_lab.store.opened import OpenedFile
from session_lab.store.seen import last_item, last_turn

EVERYTHING = MemoryPolicy()


class PageLab:
    """A lab as the pages use it: from threads without an event loop, each call waited for."""

    def __init__(self, path: Path, model: Any, opened: OpenedFile | None = None) -> None:
        self.loop = BackgroundLoop()
        self.lab = Lab(path, model, opened)

    def __getattr__(self, name: str) -> Any:
        """What the lab has; a coroutine function runs on the loop."""
        found = getattr(self.lab, name)
        return partial(self.wait_for, found) if iscoroutinefunction(found) else found

    def wait_for(self, work: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **kw: Any) -> Any:
        return self.loop.run(work(*args, **kw))

    def stop(self, running: LiveTurn | Comparison) -> None:
        self.loop.run(running.stop())

    def close(self) -> None:
        with suppress(RuntimeError):  # It is closed already.
            self.loop.run(self.lab.close())
            self.loop.close()


MakeLab = Callable[[Any], PageLab]


@contextmanager
def labs_on(path: Path) -> Iterator[MakeLab]:
    """Makes labs on one file: each is another process as far as the session can tell."""
    labs: list[PageLab] = []

    def make(model: Any) -> PageLab:
        labs.append(PageLab(path, model))
        labs[-1].create("s", "File")
        return labs[-1]

    yield make
    for lab in labs:
        lab.close()


def query(path: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(sql, values).fetchall()


def stored(path: Path, session_id: str) -> list[Any]:
    """The session's items, read without the SDK."""
    sql = "SELECT message_data FROM agent_messages WHERE session_id = ? ORDER BY id"
    return [json.loads(data) for (data,) in query(path, sql, session_id)]


def texts(path: Path, session_id: str = "s") -> list[str]:
    return [text_of(item) for item in stored(path, session_id)]


def insert(path: Path, session_id: str, *data: str | bytes) -> None:
    """Write rows as they are, as a program with a bug would."""
    query(path, "INSERT OR IGNORE INTO agent_sessions (session_id) VALUES (?)", session_id)
    sql = "INSERT INTO agent_messages (session_id, message_data) VALUES (?, ?)"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(sql, [(session_id, each) for each in data])


def says(*replies: str) -> ScriptedModel:
    """A model that gives one reply after the other."""
    return ScriptedModel([[assistant_message(reply)] for reply in replies])


def asks_for_days(call_id: str = "call_1") -> list[Any]:
    """A model's output that calls the tool of `Assistant`."""
    arguments = {"start_date": "2026-01-01", "end_date": "2026-01-03"}
    return [function_call("days_between", arguments, call_id=call_id)]


def report(agent: str, *stored: int) -> TurnReport:
    """The report of a turn that stored these rows, as it is kept beside them."""
    tokens = {"input_tokens": 10, "output_tokens": 5, "estimated": True}
    return TurnReport(
        agent=agent, policy=EVERYTHING, stored=[*stored], count_before=3, seconds=0.1, **tokens
    )


class Gate:
    """A model's step that says when it was reached, and waits there until it is opened."""

    def __init__(self, reply: str) -> None:
        self.reply = reply
        self.reached = threading.Event()

    async def __call__(self, _: Any) -> Any:
        self._loop, self._opened = asyncio.get_running_loop(), asyncio.Event()
        self.reached.set()
        await self._opened.wait()
        return [assistant_message(self.reply)]

    def open(self) -> None:
        self._loop.call_soon_threadsafe(self._opened.set)


def talk(turns: int) -> list[Any]:
    return [
        item
        for number in range(turns)
        for item in (user_item(f"question {number}"), assistant_item(f"answer {number}"))
    ]


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.002)


def finish(live: LiveTurn) -> LiveTurn:
    assert live.wait(10), "waited in vain for the end of the run"
    return live


def ask(
    lab: PageLab, session_id: str, text: str | None, policy: MemoryPolicy = EVERYTHING
) -> LiveTurn:
    return finish(lab.send(session_id, text, "Assistant", policy))


def add(catalog: Catalog, session_id: str, items: list[Any]) -> None:
    """As another program would: what notes the actions does not know of it."""

    async def with_the_sdk() -> None:
        async with catalog.session(session_id) as session:
            await session.add_items(items)

    asyncio.run(with_the_sdk())


def row_ids(lab: PageLab, session_id: str = "s") -> list[int]:
    return [row.id for row in lab.catalog.database(session_id).rows(session_id)]


def row_at(lab: PageLab, session_id: str, index: int) -> Row:
    return lab.catalog.database(session_id).rows(session_id)[index]


def labels(lab: PageLab, session_id: str = "s") -> dict[str, str]:
    """The first text that each labelled turn stored, and who answered it."""
    database = lab.catalog.database(session_id)
    reports = {report.stored[0]: report for report in database.reports(session_id)}
    told = {text_of(row.item): reports.pop(row.id, None) for row in database.rows(session_id)}
    assert reports == {}, "a label of a row that is gone"
    return {text: report.agent for text, report in told.items() if report}


def pop(lab: PageLab, session_id: str = "s") -> None:
    lab.remove(session_id, last_item(lab.catalog, session_id), whole_turn=False)


def undo(lab: PageLab, session_id: str = "s") -> None:
    lab.remove(session_id, last_turn(lab.catalog, session_id), whole_turn=True)
