"""One message to two sessions at once, or to two copies of one under two policies, and who knew."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from session_lab.code_view.agents import AgentName
from session_lab.history.items import assistant_item, user_item
from session_lab.history.policies import MemoryPolicy
from session_lab.history.report import TurnReport
from session_lab.runs.lab import BUSY, Lab
from session_lab.runs.progress import LoopProgress
from session_lab.runs.recall import EIGHT_FACTS
from session_lab.runs.session_log import LiveTurn
from session_lab.runs.turn import error_line
from session_lab.store.catalog import MAX_ID_LENGTH
from session_lab.store.database import CatalogError, Version
from session_lab.store.sessions import in_thread

EXAMPLES = {"user_123": "My name is Alice.", "user_456": "My name is Bob."}
"""Two sessions that tell isolation apart from chance: what each knows the other contradicts."""


SIX_TURNS = "six_turns"
"""The ID of a session in which a limit has lost what was said first."""


async def create_examples(lab: Lab) -> None:
    """Make those sessions of `EXAMPLES` that do not exist, with their fact added by hand."""
    for session_id, fact in EXAMPLES.items():
        await _create(lab, session_id, [fact], "Nice to meet you.")


async def create_six_turns(lab: Lab) -> None:
    """Make that session, added by hand: six of Recall's facts, one a turn. What exists is left."""
    await _create(lab, SIX_TURNS, list(EIGHT_FACTS)[:6], "Noted.")


async def _create(lab: Lab, session_id: str, facts: Sequence[str], reply: str) -> None:
    if await in_thread(lab.catalog.info, session_id) is None:
        items = [item for fact in facts for item in (user_item(fact), assistant_item(reply))]
        await lab.import_items(session_id, session_id, items)


class Comparison(LoopProgress):
    """Two runs of the same message. They go on, and are tidied up, without a page that looks."""

    def __init__(
        self,
        lab: Lab,
        text: str,
        sides: tuple[LiveTurn, LiveTurn],
        before: Version,
        copies: Sequence[str] = (),
    ) -> None:
        """`before` tells what the first session, or the copied one, was before the message.

        `copies` are sessions that go when both replies are there.
        """
        super().__init__()
        self.text = text
        self.sides = sides
        self.before = before
        self.problem: str | None = None
        self.is_of_copies = bool(copies)
        self.task = asyncio.create_task(self._finish(lab, copies))
        # A task that is cancelled before it begins, at the end of the app, ends too.
        self.task.add_done_callback(lambda _: self.end())

    async def stop(self) -> None:
        """Cancel both runs and wait until both sessions are free again."""
        for side in self.sides:
            await side.stop()
        await self.ended()

    async def _finish(self, lab: Lab, copies: Sequence[str]) -> None:
        for side in self.sides:
            await side.ended()
        try:
            for copy in copies:
                await lab.delete(copy)
        except Exception as error:
            # A task has nobody to raise to: the page says it.
            self.problem = f"The replies are there, but then: {error_line(error)}"


async def compare_sessions(
    lab: Lab, session_ids: tuple[str, str], text: str, agent: AgentName, policy: MemoryPolicy
) -> Comparison:
    """Send `text` to two sessions at once.

    Raises:
        CatalogError: one is gone, or a reply is being written in one.
    """
    versions = [await in_thread(lab.version, session_id) for session_id in session_ids]
    if any(map(lab.live, session_ids)):
        raise CatalogError(BUSY)
    sides = await _send_both(lab, session_ids, (policy, policy), text, agent)
    return Comparison(lab, text, sides, versions[0])


async def compare_policies(
    lab: Lab,
    session_id: str,
    policies: tuple[MemoryPolicy, MemoryPolicy],
    text: str,
    agent: AgentName,
) -> Comparison:
    """Send `text` to two copies of a session in memory; the session itself stays as it is.

    Raises:
        CatalogError: the session is gone, or a reply is being written in it.
    """
    before = await in_thread(lab.version, session_id)
    start = session_id[: MAX_ID_LENGTH - 16].rstrip()
    copies: list[str] = []
    try:
        for letter in "AB":
            copy = await in_thread(lab.catalog.free_id, f"{start} · copy {letter}")
            await lab.fork(session_id, copy, before.item_count, "Memory")
            copies.append(copy)
        sides = await _send_both(lab, (copies[0], copies[1]), policies, text, agent)
    except BaseException:
        for copy in copies:
            await lab.delete(copy)
        raise
    return Comparison(lab, text, sides, before, copies)


async def _send_both(
    lab: Lab,
    session_ids: tuple[str, str],
    policies: tuple[MemoryPolicy, MemoryPolicy],
    text: str,
    agent: AgentName,
) -> tuple[LiveTurn, LiveTurn]:
    """Send to both or to none: if the second can't begin, the first is stopped."""
    first = await lab.send(session_ids[0], text, agent, policies[0])
    try:
        second = await lab.send(session_ids[1], text, agent, policies[1])
    except BaseException:
        await first.stop()
        raise
    return first, second


# -- what it shows --------------------------------------------------------------------------

_QUOTES = re.compile(r'From item (\d+) of (\d+)(?:, ([^:"]+))?: ')
"""How a reply of the offline model begins that quotes an item, and says what the item is."""


def verdict(comparison: Comparison) -> str:
    """For example "A answered from item 1. B was not sent item 1." Plain text.

    Items have their numbers in the session. It is told from the recorded requests and from the
    place in them that a reply names; where none does, from what was sent.
    """
    places = [_quoted(side) for side in comparison.sides]
    told = [
        f"{letter} {_told(comparison, side, own, other)}."
        for letter, side, own, other in zip(
            "AB", comparison.sides, places, places[::-1], strict=True
        )
    ]
    return " ".join(told)


def _told(comparison: Comparison, side: LiveTurn, own: int | None, other: int | None) -> str:
    report, quote = side.report, _QUOTES.match(side.reply)
    if report is None or report.error or not report.calls:
        return "has no whole reply"
    call, stored = report.calls[-1], _stored(report)
    if own:
        return f"answered from item {own}" + ("" if comparison.is_of_copies else " of its own")
    if quote:
        return f"answered from {quote[3] or f'item {quote[1]} of its request'}"
    if other in stored and comparison.is_of_copies:
        return f"was {'' if stored[other] in call.sent() else 'not '}sent item {other}"
    sent = call.sent()
    first = next((place for place, row in stored.items() if row in sent), 0)
    start = f", the stored ones from item {first} on" if first > next(iter(stored), 0) else ""
    return f"was sent {len(call.input)} items{start}"


def _stored(report: TurnReport) -> dict[int, int]:
    """The row IDs of the items that the report tells of, by their places in the session."""
    return dict(enumerate(report.before, report.count_before - len(report.before) + 1))


def _quoted(side: LiveTurn) -> int | None:
    """The place in the session of the stored item that a reply quotes."""
    report, quote = side.report, _QUOTES.match(side.reply)
    if not quote or report is None or not report.calls:
        return None
    call = report.calls[-1]
    if int(quote[2]) != len(call.input):
        return None
    rows = {at: row for row, at in call.sent().items()}
    found = rows.get(int(quote[1]))
    return next((place for place, row in _stored(report).items() if row == found), None)
