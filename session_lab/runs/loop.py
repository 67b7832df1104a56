"""One event loop for the whole process, on a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
WORKERS = 4
"""Threads for the SDK's `asyncio.to_thread`; `SQLiteSession` keeps a connection for each."""


class BackgroundLoop:
    """Runs coroutines for callers that have no event loop, such as a Streamlit script.

    `asyncio.run` for each click would close the loop under the SDK's cached HTTP client, and the
    next message would fail with "Event loop is closed".
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="session-worker")
        self._loop.set_default_executor(self._workers)
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="background-loop", daemon=True
        )
        self._thread.start()
        self._closing = threading.Lock()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Wait for the coroutine and return its result or raise its error.

        Raises:
            RuntimeError: the loop is closed.
            concurrent.futures.CancelledError: `close` ended the coroutine.
        """
        with self._closing:
            if self._loop.is_closed():
                coroutine.close()
                raise RuntimeError("The background loop is closed.")
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return future.result()

    def close(self) -> None:
        """Cancel what still runs, stop the loop and wait for its threads."""
        with self._closing:
            if self._loop.is_closed():
                return
            asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.run_until_complete(_cancel_others())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._workers.shutdown()
            self._loop.close()


async def _cancel_others() -> None:
    """Without this, whoever waits for a coroutine would wait for ever."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
