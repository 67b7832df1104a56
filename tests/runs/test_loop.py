"""One loop for many callers, and an end that leaves nobody waiting."""

import asyncio
import gc
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest
from lab_tools import wait_until

from session_lab.runs.loop import BackgroundLoop


@pytest.fixture
def loop() -> Iterator[BackgroundLoop]:
    made = BackgroundLoop()
    yield made
    made.close()


async def ident() -> int:
    await asyncio.sleep(0)
    return threading.get_ident()


def test_every_caller_is_served_by_the_same_loop(loop: BackgroundLoop) -> None:
    with ThreadPoolExecutor(16) as pool:
        threads = set(pool.map(lambda _: loop.run(ident()), range(200)))
    assert len(threads) == 1 and threading.get_ident() not in threads


def test_an_error_reaches_the_caller_and_the_loop_goes_on(loop: BackgroundLoop) -> None:
    async def fail() -> None:
        raise LookupError("what went wrong")

    for _ in range(2):
        with pytest.raises(LookupError, match="what went wrong"):
            loop.run(fail())
    assert loop.run(ident())


def test_callers_do_not_wait_for_each_other(loop: BackgroundLoop) -> None:
    gate = loop.run(_event())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(loop.run, gate.wait())
        assert loop.run(ident()), "a second caller is served while the first waits"
        loop.run(_set(gate))
        assert waiting.result(5) is True


async def _event() -> asyncio.Event:
    return asyncio.Event()


async def _set(event: asyncio.Event) -> None:
    event.set()


def test_close_ends_its_threads_and_lets_everybody_go() -> None:
    threads = set(threading.enumerate())
    loop = BackgroundLoop()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(loop.run, asyncio.sleep(3600))
        loop.run(asyncio.to_thread(int))
        wait_until(lambda: waiting.running(), "somebody waits")
        loop.run(asyncio.sleep(0.01))
        loop.close()
        with pytest.raises(CancelledError):
            waiting.result(5)
    assert {thread for thread in threading.enumerate() if thread.is_alive()} <= threads


def test_a_closed_loop_says_so_and_leaves_no_coroutine_behind() -> None:
    loop = BackgroundLoop()
    loop.close()
    loop.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeError, match="closed"):
            loop.run(ident())
        gc.collect()
