"""While another program locks the file, what streams from elsewhere goes on."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from agents.testing import ModelStep, ScriptedModel, assistant_message
from lab_tools import (
    EVERYTHING,
    MakeLab,
    ask,
    finish,
    labs_on,
    pop,
    row_at,
    talk,
    texts,
    undo,
)

from session_lab.history.items import user_item
from session_lab.runs.lab import Lab
from session_lab.store.catalog import in_thread


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
def make(path: Path) -> Iterator[MakeLab]:
    with labs_on(path) as made:
        yield made


class Pulse:
    """A model's step that beats like a stream until it is ended, and knows its longest pause."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.beats = threading.Event()
        self._ended = threading.Event()

    async def __call__(self, _: Any) -> Any:
        last = time.perf_counter()
        while not self._ended.is_set():
            await asyncio.sleep(0.01)
            now = time.perf_counter()
            self.longest, last = max(self.longest, now - last), now
            self.beats.set()
        return [assistant_message("done")]

    def end(self) -> None:
        self._ended.set()


CHANGES: dict[str, Callable[[Lab], object]] = {
    "send": lambda lab: ask(lab, "s", "hi"),
    "add": lambda lab: lab.add_item("s", user_item("more")),
    "edit": lambda lab: lab.edit_item("s", row_at(lab, "s", 1), "edited"),
    "pop": pop,
    "undo": undo,
    "clear": lambda lab: lab.clear("s", lab.tail("s").version),
    "delete": lambda lab: lab.delete("s", lab.tail("s").version),
    "fork": lambda lab: lab.fork("s", "copy", 2, "File"),
    "fork of memory": lambda lab: lab.fork("calm", "copy", 2, "File"),
    "create": lambda lab: lab.create("new", "File"),
    "import": lambda lab: lab.import_items("new", "New", talk(1)),
    "rename": lambda lab: lab.catalog.rename("s", "A title"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_locked_file_holds_up_no_other_stream(
    make: MakeLab, path: Path, change: Callable[[Lab], object]
) -> None:
    pulse = Pulse()
    reply = [assistant_message("reply")]
    lab = make(ScriptedModel([reply, ModelStep.respond(pulse), reply]))
    for name in ("memory", "calm"):
        lab.create(name, "Memory")
    for item in talk(2):
        lab.add_item("s", item)
    # A process's first run makes pydantic build the SDK's classes, which takes the loop's time.
    ask(lab, "calm", "hi")
    before = texts(path)
    live = lab.send("memory", "go on", "Assistant", EVERYTHING)
    assert pulse.beats.wait(5)
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        other.execute("BEGIN EXCLUSIVE")
        changing = pool.submit(change, lab)
        assert not wait([changing], timeout=0.6).done, "the lock holds the change up"
        assert texts(path) == before
        other.execute("ROLLBACK")
        changing.result(timeout=10)
    pulse.end()
    assert finish(live).reply == "done" and lab.report("memory").error is None  # type: ignore[union-attr]
    assert pulse.longest < 0.3


async def test_a_cancelled_store_call_ends_before_its_caller_goes_on() -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def call() -> None:
        begun.set()
        may_end.wait(5)
        ended.set()

    calling = asyncio.create_task(in_thread(call))
    await asyncio.to_thread(begun.wait, 5)
    calling.cancel()
    done, _ = await asyncio.wait([calling], timeout=0.05)
    assert not done
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert ended.is_set()
