"""While another program locks the file, what streams from elsewhere goes on."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from agents.testing import ModelStep, ScriptedModel, assistant_message
from lab_tools import EVERYTHING, MakeLab, PageLab, ask, finish, pop, row_at, talk, undo

from session_lab.history.items import user_item
from session_lab.store.seen import all_seen
from session_lab.store.sessions import LabSession, in_thread


class Pulse:
    """A model's step that beats like a stream until it is ended."""

    def __init__(self) -> None:
        self.beats, self.ended = threading.Event(), threading.Event()

    async def __call__(self, _: Any) -> Any:
        while not self.ended.is_set():
            await asyncio.sleep(0.01)
            self.beats.set()
        return [assistant_message("done")]


CHANGES: list[tuple[str, int, Callable[[PageLab], object]]] = [
    ("send", 0, lambda lab: ask(lab, "s", "hi")),
    ("send", 2, lambda lab: ask(lab, "s", "hi")),
    ("add", 0, lambda lab: lab.add_item("s", user_item("more"))),
    ("add", 1, lambda lab: lab.add_item("s", user_item("more"))),
    ("edit", 0, lambda lab: lab.edit_item("s", row_at(lab, "s", 1), "edited")),
    ("pop", 0, pop),
    ("undo", 0, undo),
    ("rename", 0, lambda lab: lab.catalog.rename("s", "A title")),
    ("fork", 0, lambda lab: lab.fork("s", "copy", 2, "File")),
    ("fork of memory", 0, lambda lab: lab.fork("calm", "calm copy", 2, "File")),
    ("create", 0, lambda lab: lab.create("new", "File")),
    ("import", 0, lambda lab: lab.import_items("imported", "New", talk(1))),
    ("clear", 0, lambda lab: lab.clear("s", all_seen(lab.catalog, "s").version)),
    ("clear", 1, lambda lab: lab.clear("copy", all_seen(lab.catalog, "copy").version)),
    ("delete", 0, lambda lab: lab.delete("s", all_seen(lab.catalog, "s").version)),
]
"""Each with the number of writing calls of the SDK after which the file is locked."""


def test_a_file_that_is_locked_during_a_change_holds_up_no_other_stream(
    make: MakeLab, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulse, reply = Pulse(), [assistant_message("reply")]
    lab = make(ScriptedModel([reply, ModelStep.respond(pulse), reply, reply]))
    for each in ("memory", "calm"):
        lab.create(each, "Memory")
    for item in talk(2):
        lab.add_item("s", item)
    # A process's first run makes pydantic build the SDK's classes, which takes the loop's time.
    ask(lab, "calm", "hi")
    live = lab.send("memory", "go on", "Assistant", EVERYTHING)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    left, locked = 0, threading.Event()

    def lock() -> None:
        other.execute("BEGIN EXCLUSIVE")
        locked.set()

    def then_lock(write: Any) -> Any:
        async def call(*args: Any) -> Any:
            nonlocal left
            result = await write(*args)
            left -= 1
            if left == 0:
                lock()
            return result

        return call

    for write in ("add_items", "clear_session"):
        monkeypatch.setattr(LabSession, write, then_lock(getattr(LabSession, write)))
    with closing(other), ThreadPoolExecutor(1) as pool:
        for name, left, change in CHANGES:
            locked.clear()
            if not left:
                lock()
            changing = pool.submit(change, lab)
            assert locked.wait(10)
            assert not wait([changing], timeout=0.2).done, f"the lock holds {name} up"
            pulse.beats.clear()
            # A call that waits for the lock would give up after 5 s.
            assert pulse.beats.wait(3), f"{name} holds the loop up"
            other.execute("ROLLBACK")
            changing.result(timeout=10)
    pulse.ended.set()
    assert finish(live).reply == "done"


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
