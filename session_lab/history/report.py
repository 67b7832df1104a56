"""What one turn did: the requests, which stored rows they held, what was stored, what it cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field, field_serializer, field_validator

from session_lab.history.items import Item
from session_lab.history.not_sent import place_or_reason
from session_lab.history.policies import MemoryPolicy
from session_lab.history.rules import Api


class ModelCall(BaseModel):
    """One request to the model, as the SDK sent it.

    The request itself stays in this process: kept beside the rows, which it repeats, it would let
    the file grow with the square of its turns. The row IDs are kept.
    """

    agent: str
    instructions: str | None = Field(default=None, exclude=True)
    input: list[Any] = Field(default=[], exclude=True)
    sent: dict[int, int] = {}
    """The IDs of the stored rows that the request held, each with its place in it, from 1 on."""
    not_sent: dict[str, list[int]] = {}
    """The IDs of the other rows, by the reason why they were not sent."""

    @field_serializer("sent")
    def _pack_sent(self, sent: dict[int, int]) -> list[tuple[int, int, int]]:
        return _runs(sent.items())

    @field_serializer("not_sent")
    def _pack_not_sent(self, not_sent: dict[str, list[int]]) -> dict[str, Any]:
        return {reason: _runs((row, row) for row in rows) for reason, rows in not_sent.items()}

    @field_validator("sent", mode="before")
    @classmethod
    def _unpack_sent(cls, sent: Any) -> Any:
        """Files of earlier versions hold each row, with its place or in the order of the places."""
        if not isinstance(sent, list):
            return sent
        if not all(isinstance(run, list) for run in sent):
            return {row: place for place, row in enumerate(sent, 1)}
        return {row + i: place + i for row, place, count in sent for i in range(count)}

    @field_validator("not_sent", mode="before")
    @classmethod
    def _unpack_not_sent(cls, not_sent: Any) -> Any:
        return {
            reason: [
                row + i
                for run in rows
                for row, _, count in [run if isinstance(run, list) else (run, run, 1)]
                for i in range(count)
            ]
            for reason, rows in not_sent.items()
        }

    def note_rows(
        self, policy: MemoryPolicy, stored: Mapping[int, Item], api: Api, is_stored: bool = False
    ) -> None:
        """Tell which of the `stored` rows, by ID, the request holds, and why not the others.

        `is_stored` tells whether the message that is being answered is among them.
        """
        found = place_or_reason(policy, list(stored.values()), self.input, api, is_stored)
        for row, each in zip(stored, found, strict=True):
            if isinstance(each, int):
                self.sent[row] = each
            else:
                self.not_sent.setdefault(each, []).append(row)

    def reasons(self) -> dict[int, str]:
        """Why each of the other rows was not sent, by row ID."""
        return {row: reason for reason, rows in self.not_sent.items() for row in rows}


def _runs(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Pairs as (first, second, count), where both go up by one: else a file of long requests grows.

    A session's rows mostly follow each other, and so do their places.
    """
    runs: list[tuple[int, int, int]] = []
    for row, place in pairs:
        first, second, count = runs[-1] if runs else (0, 0, 0)
        if (row, place) == (first + count, second + count):
            runs[-1] = first, second, count + 1
        else:
            runs.append((row, place, 1))
    return runs


class TurnReport(BaseModel):
    """What one turn did, while the process runs and as JSON beside the rows.

    Tokens are the model's own count, or an estimate if `estimated`. Only a turn without an error is
    kept beside the rows.
    """

    version: Literal[1, 2] = 2
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

        def new(rows: Sequence[int]) -> list[int]:
            return [new_ids[row] for row in rows if row in new_ids]

        calls = [
            ModelCall(
                agent=call.agent,
                sent={new_ids[row]: at for row, at in call.sent.items() if row in new_ids},
                not_sent={reason: new(rows) for reason, rows in call.not_sent.items()},
            )
            for call in self.calls
        ]
        return self.model_copy(update={"stored": new(self.stored), "calls": calls})
