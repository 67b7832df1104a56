"""What a comparison shows, in two sentences: who answered from which item, and who lacked it."""

from __future__ import annotations

import re

from session_lab.history.items import fingerprint
from session_lab.history.report import TurnReport
from session_lab.runs.compare import Comparison, Side

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


def _told(comparison: Comparison, side: Side, own: int | None, other: int | None) -> str:
    report, quote = side.live.report, _QUOTES.match(side.live.reply)
    if report is None or report.error or not report.calls:
        return "has no whole reply"
    call, stored = report.calls[-1], _stored(report)
    if own:
        return f"answered from item {own}" + ("" if comparison.is_of_copies else " of its own")
    if quote:
        return f"answered from {quote[3] or f'item {quote[1]} of its request'}"
    if other in stored and comparison.is_of_copies:
        return f"was {'' if stored[other] in call.sent else 'not '}sent item {other}"
    first = next((place for place, row in stored.items() if row in call.sent), 0)
    start = f", the stored ones from item {first} on" if first > next(iter(stored), 0) else ""
    return f"was sent {len(call.input)} items{start}"


def _stored(report: TurnReport) -> dict[int, int]:
    """The row IDs of the items that the report tells of, by their places in the session."""
    return dict(enumerate(report.before, report.count_before - len(report.before) + 1))


def _quoted(side: Side) -> int | None:
    """The place in the session of the stored item that a reply quotes."""
    report, quote = side.live.report, _QUOTES.match(side.live.reply)
    if not quote or report is None or not report.calls:
        return None
    call = report.calls[-1]
    at = int(quote[1]) - 1
    if int(quote[2]) != len(call.input) or not 0 <= at < len(call.input):
        return None
    marks = [fingerprint(item) for item in call.input]
    same = [
        place
        for place, row in _stored(report).items()
        if row in call.sent and fingerprint(report.before[row]) == marks[at]
    ]
    # Of equal items the first in the request is the first that was sent.
    nth = marks[:at].count(marks[at])
    return same[nth] if nth < len(same) else None
