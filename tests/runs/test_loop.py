"""One loop for many callers, and an end that leaves nobody waiting."""

import asyncio
import gc
import threading
import warnings
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

from session_lab.runs.loop import BackgroundLoop


def test_all_callers_share_one_loop_and_its_end_lets_everybody_go_and_says_so() -> None:
    threads, loop, waiting = set(threading.enumerate()), BackgroundLoop(), threading.Event()

    async def wait_for_ever() -> None:
        waiting.set()
        await asyncio.Event().wait()

    async def thread() -> int:
        return await asyncio.to_thread(int) or threading.get_ident()

    with ThreadPoolExecutor(8) as pool:
        waiter = pool.submit(loop.run, wait_for_ever())
        assert waiting.wait(5)
        served_by = set(pool.map(lambda _: loop.run(thread()), range(50)))
        assert len(served_by) == 1 and threading.get_ident() not in served_by
        loop.close()
        with pytest.raises(CancelledError):
            waiter.result(5)
    assert {thread for thread in threading.enumerate() if thread.is_alive()} <= threads
    loop.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeError, match="closed"):
            loop.run(asyncio.sleep(0))
        gc.collect()


def test_a_loop_that_can_not_be_made_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("asyncio.events.new_event_loop", fail)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(OSError, match="Too many open files"):
            BackgroundLoop()
        gc.collect()
