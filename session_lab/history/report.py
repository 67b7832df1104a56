"""What one turn did: the requests, which stored rows they held, what was stored, what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from session_lab.history.items import Item
from session_lab.history.not_sent import why_not_sent
from session_lab.history.policies import MemoryPolicy
from session_lab.history.rules import Api

WINDOW = 200
"""How many of the newest stored items a report tells of, so that a long session stays fast."""


class ModelCall(BaseModel):
    """One request to the model, as the SDK sent it.

    The request itself stays in this process: kept beside the rows, which it repeats, it would let
    the file grow with the square of its turns. The row IDs are kept.
    """

    agent: str
    instructions: str | None = Field(default=None, exclude=True)
    input: list[Any] = Field(default=[], exclude=True)
    sent: list[int] = []
    """The IDs of the stored rows that the request held."""
    not_sent: dict[str, list[int]] = {}
    """The IDs of the other rows, by the reason why they were not sent."""

    def note_rows(self, policy: MemoryPolicy, stored: Mapping[int, Item], api: Api) -> None:
        """Tell which of the `stored` rows, by ID, the request holds, and why not the others."""
        reasons = why_not_sent(policy, list(stored.values()), self.input, api)
        for row, reason in zip(stored, reasons, strict=True):
            (self.sent if reason is None else self.not_sent.setdefault(reason, [])).append(row)

    def reasons(self) -> dict[int, str | None]:
        """For each stored row None if it was sent, else the reason."""
        not_sent = {row: reason for reason, rows in self.not_sent.items() for row in rows}
        return {**dict.fromkeys(self.sent), **not_sent}


class TurnReport(BaseModel):
    """What one turn did, while the process runs and as JSON beside the rows.

    Tokens are the model's own count, or an estimate if `estimated`. Only a turn without an error is
    kept beside the rows.
    """

    version: Literal[1] = 1
    """Of this form. What holds another one is no report."""
    agent: str
    policy: MemoryPolicy
    count_before: int = 0
    before: dict[int, Any] = Field(default={}, exclude=True)
    """The newest `WINDOW` of the `count_before` items that the session held, by row ID."""
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

        def new(rows: Sequence[int]) -> list[int]:
            return [new_ids[row] for row in rows if row in new_ids]

        calls = [
            ModelCall(
                agent=call.agent,
                sent=new(call.sent),
                not_sent={reason: new(rows) for reason, rows in call.not_sent.items()},
            )
            for call in self.calls
        ]
        return self.model_copy(update={"stored": new(self.stored), "calls": calls})
