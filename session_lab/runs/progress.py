"""What goes on without a page, and is followed from any thread until it is done."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator


class Progress:
    """A run that a page follows. It goes on when the page is drawn anew, and any tab finds it."""

    def __init__(self) -> None:
        self._done = threading.Event()

    @property
    def is_done(self) -> bool:
        return self._done.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end. False if it has not come after `timeout` seconds."""
        return self._done.wait(timeout)

    def follow(self, every: float = 0.25) -> Iterator[None]:
        """Yield every so many seconds, and once more at the end.

        Not at every word: to draw a page of 40 messages takes a browser about 30 ms, and one that
        draws without a pause never comes to its other work.
        """
        is_done = False
        while not is_done:
            is_done = self.wait(every)
            yield

    def end(self) -> None:
        """Tell those who wait and follow."""
        self._done.set()


class LoopProgress(Progress):
    """One whose work is on the event loop, where it is made and ended; there others await it."""

    def __init__(self) -> None:
        super().__init__()
        self._ended = asyncio.Event()
        self.is_stopped = False
        self.task: asyncio.Task[None] | None = None
        """None until it is known that the work can begin."""

    def end(self) -> None:
        super().end()
        self._ended.set()

    async def ended(self) -> None:
        await self._ended.wait()

    async def stop(self) -> None:
        """Cancel the task and wait for its end. What is known until then stays."""
        # Only once: a second time would cut the cleaning up short.
        if self.task is not None and not self.is_stopped:
            self.task.cancel()
        self.is_stopped = True
        await self.ended()
