"""One event loop for the whole process, on a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class BackgroundLoop:
    """Runs coroutines for callers that have no event loop, such as a Streamlit script.

    `asyncio.run` for each click would close the loop under the SDK's cached HTTP client, and the
    next message would fail with "Event loop is closed".

    Raises:
        OSError: no loop can be made, for instance because too many files are open.
    """

    def __init__(self) -> None:
        self._closing = threading.Lock()
        ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(
            target=_serve, args=(ready,), name="background-loop", daemon=True
        )
        self._thread.start()
        self._loop, self._end = ready.result()

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


def _serve(ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
    """Hand over the loop and the event that ends it, or the error of one that can't be made."""

    async def until_end() -> None:
        end = asyncio.Event()
        ready.set_result((asyncio.get_running_loop(), end))
        await end.wait()

    serving = until_end()
    try:
        asyncio.run(serving)
    except Exception as error:
        serving.close()
        ready.set_exception(error)
