"""A run in progress, as the pages follow it from other threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from session_lab.history.items import Item
from session_lab.runs.turn import TextDelta, ToolEvent, TurnReport


class LiveTurn:
    """A run in progress. It goes on when a page is drawn anew, and any tab can follow it."""

    def __init__(self, session_id: str, text: str | None, agent: str, after_row: int) -> None:
        """`after_row` is the session's last row before the run."""
        self.session_id = session_id
        self.after_row = after_row
        self.text = text
        self.agent = agent
        self.reply = ""
        self.tools: list[Item] = []
        self.report: TurnReport | None = None
        self._news = threading.Condition()
        self._done = False
        self._cancel: Callable[[], None] | None = None

    @property
    def is_done(self) -> bool:
        return self._done

    def follow(self, every: float = 0.1) -> Iterator[None]:
        """Yield when there is more to show, and at least `every` so many seconds, until the end."""
        while not self._done:
            with self._news:
                self._news.wait(every)
            yield

    def stop(self) -> None:
        """Cancel the run and wait until the session is free again."""
        if self._cancel is not None:
            self._cancel()
        while not self._done:
            with self._news:
                self._news.wait(0.1)

    def _take(self, event: TextDelta | ToolEvent | TurnReport) -> None:
        if isinstance(event, TextDelta):
            self.reply += event.text
        elif isinstance(event, ToolEvent):
            self.tools.append(event.item)
            self.reply = ""
        else:
            self.report = event
        self._wake()

    def _wake(self, done: bool = False) -> None:
        with self._news:
            self._done = self._done or done
            self._news.notify_all()
