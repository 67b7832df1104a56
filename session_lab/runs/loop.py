"""One event loop for the whole process, on a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class BackgroundLoop:
    """Runs coroutines for callers that have no event loop, such as a Streamlit script.

    `asyncio.run` for each click would close the loop under the SDK's cached HTTP client, and the
    next message would fail with "Event loop is closed".
    """

    def __init__(self) -> None:
        self._closing, ready = threading.Lock(), threading.Event()
        serving = self._serve(ready)
        self._thread = threading.Thread(
            target=asyncio.run, args=(serving,), name="background-loop", daemon=True
        )
        self._thread.start()
        ready.wait()

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        ready.set()
        await self._end.wait()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Wait for the coroutine and return its result or raise its error.

        Raises:
            RuntimeError: the loop is closed.
            concurrent.futures.CancelledError: `close` ended the coroutine.
        """
        with self._closing:
            if not self._thread.is_alive():
                coroutine.close()
                raise RuntimeError("The background loop is closed.")
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return future.result()

    def close(self) -> None:
        """End the loop: `asyncio.run` cancels what still runs, and waits for its threads."""
        with self._closing:
            if self._thread.is_alive():
                self._loop.call_soon_threadsafe(self._end.set)
                self._thread.join()
