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


CHANGES: dict[str, Callable[[PageLab], object]] = {
    "send": lambda lab: ask(lab, "s", "hi"),
    "add": lambda lab: lab.add_item("s", user_item("more")),
    "edit": lambda lab: lab.edit_item("s", row_at(lab, "s", 1), "edited"),
    "pop": pop,
    "undo": undo,
    "clear": lambda lab: lab.clear("s", all_seen(lab.catalog, "s").version),
    "delete": lambda lab: lab.delete("s", all_seen(lab.catalog, "s").version),
    "fork": lambda lab: lab.fork("s", "copy", 2, "File"),
    "fork of memory": lambda lab: lab.fork("calm", "copy", 2, "File"),
    "create": lambda lab: lab.create("new", "File"),
    "import": lambda lab: lab.import_items("new", "New", talk(1)),
    "rename": lambda lab: lab.catalog.rename("s", "A title"),
}
SDK_WRITES = {"send": 2, "add": 1, "clear": 1}
"""How many calls of the SDK that write come before the last write of the lab's own."""


@pytest.mark.parametrize(
    ("name", "sdk_writes"), [*((name, 0) for name in CHANGES), *SDK_WRITES.items()]
)
def test_a_file_that_is_locked_during_a_change_holds_up_no_other_stream(
    make: MakeLab, path: Path, monkeypatch: pytest.MonkeyPatch, name: str, sdk_writes: int
) -> None:
    """It is locked before the change, or after so many of the SDK's writes."""
    pulse, reply = Pulse(), [assistant_message("reply")]
    lab = make(ScriptedModel([reply, ModelStep.respond(pulse), reply]))
    for each in ("memory", "calm"):
        lab.create(each, "Memory")
    for item in talk(2):
        lab.add_item("s", item)
    # A process's first run makes pydantic build the SDK's classes, which takes the loop's time.
    ask(lab, "calm", "hi")
    live = lab.send("memory", "go on", "Assistant", EVERYTHING)
    assert pulse.beats.wait(5)

    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    left, locked = sdk_writes, threading.Event()

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
        if not sdk_writes:
            lock()
        changing = pool.submit(CHANGES[name], lab)
        assert locked.wait(10)
        assert not wait([changing], timeout=0.6).done, "the lock holds the change up"
        pulse.beats.clear()
        assert pulse.beats.wait(3), "a call that waits for the lock would give up after 5 s"
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
