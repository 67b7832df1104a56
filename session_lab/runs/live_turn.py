"""A run in progress, as the pages follow it from other threads."""

from __future__ import annotations

import asyncio

from session_lab.history.items import Item
from session_lab.history.report import TurnReport
from session_lab.runs.progress import LoopProgress
from session_lab.runs.turn import TextDelta, ToolEvent


class LiveTurn(LoopProgress):
    """The reply as far as it is written, and in the end the report."""

    def __init__(self, session_id: str, text: str | None, agent: str) -> None:
        super().__init__()
        self.session_id = session_id
        self.after_row = 0
        """The session's last row before the run."""
        self.text = text
        self.agent = agent
        self.reply = ""
        self.tools: list[Item] = []
        self.report: TurnReport | None = None
        self.is_stopped = False
        self.task: asyncio.Task[None] | None = None
        """None until it is known that the session exists."""

    async def stop(self) -> None:
        """Cancel the run and wait until the session is free again."""
        # Only once: a second time would cut the cleaning up short.
        if self.task is not None and not self.is_stopped:
            self.task.cancel()
        self.is_stopped = True
        await self.ended()

    def take(self, event: TextDelta | ToolEvent) -> None:
        """Note what the run yields."""
        if isinstance(event, TextDelta):
            self.reply += event.text
        else:
            self.tools.append(event.item)
            self.reply = ""
