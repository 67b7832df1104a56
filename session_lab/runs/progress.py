"""What goes on without a page, and is followed from any thread until it is done."""

from __future__ import annotations

import threading
from collections.abc import Iterator


class Progress:
    """A run that a page follows. It goes on when the page is drawn anew, and any tab finds it."""

    def __init__(self) -> None:
        self._done = threading.Event()
        self._news = threading.Condition()

    @property
    def is_done(self) -> bool:
        return self._done.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end. False if it has not come after `timeout` seconds."""
        return self._done.wait(timeout)

    def follow(self, every: float = 0.1) -> Iterator[None]:
        """Yield when there is more to show, and at least `every` so many seconds, until the end."""
        while not self.is_done:
            with self._news:
                self._news.wait(every)
            yield

    def wake(self, *, done: bool = False) -> None:
        """Tell those who follow that there is more to show, or that this was the end."""
        if done:
            self._done.set()
        with self._news:
            self._news.notify_all()
