"""A run in progress, as the pages follow it from other threads."""

from __future__ import annotations

from collections.abc import Callable

from session_lab.history.items import Item
from session_lab.history.report import TurnReport
from session_lab.runs.progress import Progress
from session_lab.runs.turn import TextDelta, ToolEvent


class LiveTurn(Progress):
    """The reply as far as it is written, and in the end the report. `cancel` ends the run early."""

    def __init__(self, session_id: str, text: str | None, agent: str, after_row: int) -> None:
        """`after_row` is the session's last row before the run."""
        super().__init__()
        self.session_id = session_id
        self.after_row = after_row
        self.text = text
        self.agent = agent
        self.reply = ""
        self.tools: list[Item] = []
        self.report: TurnReport | None = None
        self.cancel: Callable[[], None] | None = None

    def stop(self) -> None:
        """Cancel the run and wait until the session is free again."""
        if self.cancel is not None:
            self.cancel()
        self.wait()

    def take(self, event: TextDelta | ToolEvent) -> None:
        """Note what the run yields."""
        if isinstance(event, TextDelta):
            self.reply += event.text
        else:
            self.tools.append(event.item)
            self.reply = ""
