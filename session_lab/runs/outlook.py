"""What the next message would find: every stored item, and which of them would be sent with it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from agents import Agent
from agents.memory import Session

from session_lab.history.items import Item
from session_lab.history.policies import MemoryPolicy
from session_lab.history.report import ModelCall
from session_lab.history.rules import Finding
from session_lab.history.summaries import Summarizer
from session_lab.models.offline import estimate_around, estimate_tokens
from session_lab.models.servers import api_of
from session_lab.runs.turn import preview_request
from session_lab.store.database import Row, findings

DRAFT = " "
"""Stands for the message that nobody has typed yet."""


@dataclass(frozen=True)
class Cell:
    """One stored row. `tokens` is an estimate; `item` is None if the row holds no JSON."""

    row: int
    item: Any
    tokens: int
    place: int | None
    """Its place in the request, 1 for the first; None if it is not sent."""
    reason: str = ""
    """Why it is not sent."""
    finding: Finding | None = None


@dataclass(frozen=True)
class Outlook:
    """The stored items, oldest first, and the request that the next message would make."""

    cells: Sequence[Cell]
    call: ModelCall
    around: int
    """Estimated tokens of the instructions and tools."""
    has_summary: bool
    """Whether a summary stands in the request for older items."""
    is_written: bool
    """Whether that summary is there already: else its tokens are those of a note in its place."""

    @cached_property
    def sent(self) -> int:
        return sum(cell.place is not None for cell in self.cells)

    @cached_property
    def tokens_sent(self) -> int:
        """With instructions, tools and a summary, without the message that is not typed yet."""
        return self.around + estimate_tokens(self.call.input[:-1])

    @cached_property
    def tokens_stored(self) -> int:
        """What they would be if everything were sent."""
        return self.around + sum(cell.tokens for cell in self.cells)

    def sentence(self) -> str:
        summary = " and a summary" if self.has_summary else ""
        later = "" if self.is_written else ", once it is written"
        return (
            f"Next message: {self.sent:,} of {len(self.cells):,} stored items{summary} are sent, "
            f"about {self.tokens_sent:,} of {self.tokens_stored:,} tokens{later}."
        )


def recorded(call: ModelCall, before: Mapping[int, Item]) -> list[Cell]:
    """The items that were stored `before` a request, by row ID, as they stand to it."""
    sent, reasons = call.sent(), call.not_sent()
    return [
        Cell(row, item, estimate_tokens([item]), sent.get(row), reasons.get(row, ""))
        for row, item in before.items()
    ]


def look_ahead(
    session: Session,
    rows: Sequence[Row],
    agent: Agent[Any],
    policy: MemoryPolicy,
    summarizer: Summarizer,
) -> Outlook:
    """Ask the SDK, in a dry run that stores nothing and calls no model. For a worker thread."""
    call = asyncio.run(preview_request(session, agent, DRAFT, policy, summarizer))
    items = {row.id: cast(Item, row.item) for row in rows if row.is_item}
    api = api_of(agent.model)
    call.note_rows(policy, items, api)
    sent, reasons, found = call.sent(), call.not_sent(), findings(rows, api)
    cells = [
        Cell(
            row=row.id,
            item=row.item,
            tokens=estimate_tokens([row.item]) if row.is_item else 0,
            place=sent.get(row.id),
            reason=reasons.get(row.id, "The row holds no JSON: the SDK skips it."),
            finding=found.get(row.id),
        )
        for row in rows
    ]
    start = min(sent.values(), default=len(call.input))
    has_summary = policy.kind == "Summary" and start > 1 and len(sent) < len(cells)
    older = [item for row, item in items.items() if row not in sent]
    return Outlook(
        cells=cells,
        call=call,
        around=estimate_around(call.instructions, agent.tools),
        has_summary=has_summary,
        is_written=not has_summary or summarizer.cached(older) is not None,
    )
