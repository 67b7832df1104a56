"""What of a session's history a request holds: all, the last N items, the last N turns, a summary.

A policy changes what is sent, never what is stored. N counts history: the message that is being
answered comes on top of it. The lab runs these functions, and its `Code` tab shows their source.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from agents import RunConfig, SessionSettings
from agents.memory import Session
from agents.run import CallModelData, ModelInputData

from session_lab.history.items import Item, summary_items
from session_lab.history.rules import Api, safe_start, sendable
from session_lab.history.turns import last_turns

PolicyKind = Literal["Everything", "Last N items", "Last N turns", "Summary"]
POLICY_KINDS: tuple[PolicyKind, ...] = ("Everything", "Last N items", "Last N turns", "Summary")


@dataclass(frozen=True)
class MemoryPolicy:
    """`n` is a number of items or of turns; `Everything` ignores it.

    Raises:
        ValueError: `n` is less than 1.
    """

    kind: PolicyKind = "Everything"
    n: int = 1

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"N must be 1 or more, not {self.n}.")

    def start(self, history: Sequence[Item]) -> int:
        """The index in `history` of the first item that is sent as it is stored."""
        if self.kind == "Everything":
            return 0
        if self.kind == "Last N items":
            return max(0, len(history) - self.n)
        return start_of_turns(list(history), self.n)

    async def run_config(
        self,
        session: Session,
        summarize: Callable[[list[Any]], Awaitable[str]],
        retry: bool,
        api: Api = "Responses",
    ) -> RunConfig:
        """The `RunConfig` with which `Runner.run(..., session=session)` follows the policy.

        A retry is a run with an empty input list: the stored, unanswered turn is then the message
        that is being answered. `summarize` is awaited during the run, and by `Summary` alone. What
        `api` would refuse is not sent.
        """
        config = RunConfig()
        if self.kind == "Last N items":
            config = await only_last_items(session, self.n, retry)
        elif self.kind == "Last N turns":
            config = await only_last_turns(session, self.n, retry)
        elif self.kind == "Summary":
            config = older_turns_as_summary(self.n, summarize)
        return only_sendable(config, api)

    def __str__(self) -> str:
        several = self.kind.replace("N", str(self.n))
        return several if self.n > 1 else self.kind.replace("N ", "").removesuffix("s")


async def only_last_items(session: Session, n: int, retry: bool = False) -> RunConfig:
    """Send the newest n items. A retry sends the stored turn that it answers on top of them."""
    asked = await newest_turns(session, 1) if retry else []
    return RunConfig(session_settings=SessionSettings(limit=n + len(asked)))


async def only_last_turns(session: Session, n: int, retry: bool = False) -> RunConfig:
    """Send the newest n turns. A retry sends the stored turn that it answers on top of them."""
    turns = await newest_turns(session, n + 1 if retry else n)
    return RunConfig(session_settings=SessionSettings(limit=len(turns)))


async def newest_turns(session: Session, n: int) -> list[Any]:
    """The last n turns, read from the end, so that a long session costs no more."""
    limit = 8 * n
    while True:
        items = await session.get_items(limit=limit)
        start = start_of_turns(items, n)
        # The first of them may have begun before the items that were read.
        if start > 0 or len(items) < limit:
            return items[start:]
        limit *= 4


def start_of_turns(items: list[Any], n: int) -> int:
    """Where the last n turns begin, or before that, if a tool call would lose its output there."""
    return safe_start(items, len(items) - len(last_turns(items, n)))


def older_turns_as_summary(n: int, summarize: Callable[[list[Any]], Awaitable[str]]) -> RunConfig:
    """Send the newest n turns, and a summary in place of the older ones.

    The SDK stores nothing of what a `call_model_input_filter` adds to a request. What a
    `session_input_callback` adds would be stored as if the user had said it.
    """
    summary: list[Any] = []  # The same in each of the run's model calls.

    async def replace_older(data: CallModelData[Any]) -> ModelInputData:
        items = data.model_data.input
        newest = last_turns(items, 1)  # It is being answered.
        history = items[: len(items) - len(newest)]
        start = start_of_turns(history, n)
        if start > 0 and not summary:
            summary.extend(summary_items(await summarize(history[:start])))
        kept = items[start:]
        return ModelInputData([*summary, *kept], data.model_data.instructions)

    return RunConfig(call_model_input_filter=replace_older)


def only_sendable(config: RunConfig, api: Api = "Responses") -> RunConfig:
    """Send nothing that the API refuses. It comes after the filter that `config` may have."""
    before = config.call_model_input_filter

    async def leave_out(data: CallModelData[Any]) -> ModelInputData:
        made = before(data) if before else data.model_data
        sent = await made if inspect.isawaitable(made) else made
        return ModelInputData(sendable(sent.input, api), sent.instructions)

    return replace(config, call_model_input_filter=leave_out)
