"""What one turn did: the requests, which stored rows they held, what was stored, what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field

from session_lab.history.items import Item
from session_lab.history.not_sent import own_places, place_or_reason
from session_lab.history.policies import MemoryPolicy
from session_lab.history.rules import Api

Run = tuple[int, int | str, int]
"""So many rows with IDs that follow each other: the first one's ID, its place in a request, from 1
on, or why it was not sent, and the count. The places follow each other, the reason is one."""


class ModelCall(BaseModel):
    """One request to the model, as the SDK sent it.

    The request itself stays in this process: kept beside the rows, which it repeats, it would let
    the file grow with the square of its turns. The row IDs are kept.
    """

    agent: str
    instructions: str | None = Field(default=None, exclude=True)
    input: list[Any] = Field(default=[], exclude=True)
    runs: list[Run] = []
    """Of each row that was stored before the turn, whether the request held it."""
    own: dict[int, int] = {}
    """Of the rows that the turn itself stored, by ID, the places of those that the request held."""

    def rows(self) -> dict[int, int | str]:
        """Of each stored row, by ID: its place in the request, or why it was not sent."""
        return {row + i: _after(each, i) for row, each, count in self.runs for i in range(count)}

    def sent(self) -> dict[int, int]:
        """The place of each row that the request held."""
        return {row: each for row, each in self.rows().items() if isinstance(each, int)}

    def not_sent(self) -> dict[int, str]:
        """Why each of the other rows was not sent."""
        return {row: each for row, each in self.rows().items() if isinstance(each, str)}

    def has_summary(self, policy: MemoryPolicy) -> bool:
        """Whether a summary stands in the request, as its first two items, for older ones."""
        return policy.kind == "Summary" and min(self.sent().values(), default=1) > 2

    def note_rows(
        self,
        policy: MemoryPolicy,
        stored: Mapping[int, Item],
        api: Api,
        is_stored: bool = False,
        added: Mapping[int, Item] | None = None,
    ) -> None:
        """Tell which of the `stored` rows, by ID, the request holds, and why not the others.

        `is_stored` tells whether the message that is being answered is among them. `added` are the
        rows of the run itself, of which a request holds what was there when it was made.
        """
        found = place_or_reason(policy, list(stored.values()), self.input, api, is_stored)
        self.runs = in_runs(dict(zip(stored, found, strict=True)))
        added = added or {}
        own = zip(added, own_places(list(added.values()), self.input), strict=True)
        self.own = {row: place for row, place in own if place is not None}


def in_runs(rows: Mapping[int, int | str]) -> list[Run]:
    """Rows that follow each other as one run: else a file of long requests grows with each row."""
    runs: list[Run] = []
    for row, each in rows.items():
        first, start, count = runs[-1] if runs else (row, each, 0)
        if (row, each) == (first + count, _after(start, count)):
            runs[-1:] = [(first, start, count + 1)]
        else:
            runs.append((row, each, 1))
    return runs


def _after(start: int | str, count: int) -> int | str:
    return start + count if isinstance(start, int) else start


class TurnReport(BaseModel):
    """What one turn did, while the process runs and as JSON beside the rows.

    Tokens are the model's own count, or an estimate if `estimated`. Only a turn without an error is
    kept beside the rows.
    """

    version: Literal[3] = 3
    """Of this form. What holds another one is no report."""
    agent: str
    policy: MemoryPolicy
    count_before: int = 0
    before: dict[int, Any] = Field(default={}, exclude=True)
    """The items that the session held, by row ID."""
    stored: list[int] = []
    """The IDs of the rows that this run stored, and nobody else."""
    calls: list[ModelCall] = []
    summary_calls: list[ModelCall] = []
    """The summary's own requests, under the policy `Summary`. Their tokens are counted too."""
    input_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False
    seconds: float = 0.0
    error: str | None = None

    def moved(self, new_ids: Mapping[int, int]) -> TurnReport | None:
        """The report of a copy whose rows have other IDs; None if it lacks rows of the turn."""
        if not self.stored or not new_ids.keys() >= set(self.stored):
            return None
        calls = [
            ModelCall(
                agent=call.agent,
                runs=in_runs(
                    {new_ids[row]: each for row, each in call.rows().items() if row in new_ids}
                ),
                own={new_ids[row]: at for row, at in call.own.items() if row in new_ids},
            )
            for call in self.calls
        ]
        stored = [new_ids[row] for row in self.stored]
        return self.model_copy(update={"stored": stored, "calls": calls})
