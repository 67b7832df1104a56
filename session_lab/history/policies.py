"""What of a session's history a request holds: all, the last N items, the last N turns, a summary.

A policy changes what is sent, never what is stored. N counts history: the message that is being
answered comes on top of it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from weakref import WeakValueDictionary

from agents import Agent, Model, ModelBehaviorError, RunConfig, RunHooks, Runner, SessionSettings
from agents.memory import Session
from agents.run import CallModelData, ModelInputData

from session_lab.history.items import (
    SUMMARY_REQUEST,
    Item,
    field,
    fingerprint,
    split_call_ids,
    summary_items,
    user_item,
)
from session_lab.history.turns import Turn, split_turns

PolicyKind = Literal["Everything", "Last N items", "Last N turns", "Summary"]
POLICY_KINDS: tuple[PolicyKind, ...] = ("Everything", "Last N items", "Last N turns", "Summary")

Summarize = Callable[[Sequence[Item]], Awaitable[str]]


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
        if self.kind == "Last N items":
            return max(0, len(history) - self.n)
        turns = split_turns(history)
        if self.kind == "Everything" or len(turns) <= self.n:
            return 0
        return turns[-self.n].start

    def __str__(self) -> str:
        names = {
            "Last N items": f"Last {self.n} items" if self.n > 1 else "Last item",
            "Last N turns": f"Last {self.n} turns" if self.n > 1 else "Last turn",
        }
        return names.get(self.kind, self.kind)


async def run_config(
    policy: MemoryPolicy, session: Session, summarize: Summarize, *, retry: bool = False
) -> RunConfig:
    """The `RunConfig` with which `Runner.run(..., session=session)` follows the policy.

    A retry is a run with an empty input list: the stored, unanswered turn is then the message that
    is being answered, so it is sent besides the N items or turns. `summarize` is awaited during the
    run, and by `Summary` alone: `Summarizer.write`, or `Summarizer.preview` for a dry run.
    """
    if policy.kind == "Everything":
        return RunConfig()
    if policy.kind == "Summary":
        return RunConfig(call_model_input_filter=_older_turns_as_summary(policy, summarize))
    if policy.kind == "Last N turns":
        turns = await _newest_turns(session, policy.n + 1)
        asked = _unanswered(turns) if retry else []
        kept = turns[-policy.n - len(asked) :]
        limit = sum(len(turn.items) for turn in kept)
    else:
        asked = _unanswered(await _newest_turns(session, 1)) if retry else []
        limit = policy.n + sum(len(turn.items) for turn in asked)
    return RunConfig(session_settings=SessionSettings(limit=limit))


def _unanswered(turns: Sequence[Turn]) -> list[Turn]:
    return [turns[-1]] if turns and not turns[-1].is_answered else []


async def _newest_turns(session: Session, count: int) -> list[Turn]:
    """The last `count` turns, read from the end, so that a long session costs no more."""
    limit = 8 * count
    while True:
        items = await session.get_items(limit=limit)
        turns = split_turns(items)
        # The first of them may have begun before the items that were read.
        if len(turns) > count or len(items) < limit:
            return turns[-count:]
        limit *= 4


def older_items(policy: MemoryPolicy, request: Sequence[Item]) -> list[Item]:
    """The items of a request that `Summary` replaces. The request's last turn is being answered."""
    turns = split_turns(request)
    return list(request[: policy.start(request[: turns[-1].start])]) if turns else []


def _older_turns_as_summary(
    policy: MemoryPolicy, summarize: Summarize
) -> Callable[[CallModelData[Any]], Awaitable[ModelInputData]]:
    """A filter of the model's input, because the SDK stores none of what such a filter adds.

    What a `session_input_callback` adds would be stored as if the user had said it.
    """

    async def replace_older(data: CallModelData[Any]) -> ModelInputData:
        request = data.model_data
        older = older_items(policy, request.input)
        if not older:
            return request
        summary = summary_items(await summarize(older))
        return ModelInputData([*summary, *request.input[len(older) :]], request.instructions)

    return replace_older


class Summarizer:
    """Writes summaries with a model and remembers them by the content of what they summarize.

    Where a summary of the first items is known, it stands in for them, so that each new turn costs
    one short request. `store` may outlive the process; the oldest entries make room for new ones.
    """

    INSTRUCTIONS = "Write only a summary. Keep every name, number, date, decision and tool result."

    def __init__(
        self,
        model: Model | str | None,
        store: MutableMapping[str, str],
        max_entries: int = 500,
    ) -> None:
        self._agent: Agent[Any] = Agent("Summary", instructions=self.INSTRUCTIONS, model=model)
        name = model if isinstance(model, str) else type(model).__name__
        self._model_name = str(getattr(model, "model", name))
        self._store = store
        self._max_entries = max_entries
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def cached(self, items: Sequence[Item]) -> str | None:
        """The summary of exactly these items, if it was written before."""
        return self._store.get(self._keys(items)[-1]) if items else None

    async def preview(self, items: Sequence[Item]) -> str:
        """The known summary, or a note in its place. Calls no model."""
        return self.cached(items) or f"(A summary of these {len(items)} items is written first.)"

    async def write(self, items: Sequence[Item], hooks: RunHooks[Any] | None = None) -> str:
        """The known summary, or a new one. Several callers at once cause one request.

        `hooks` see that request, as those of `Runner.run` do.

        Raises:
            ModelBehaviorError: the model wrote nothing.
            Exception: whatever `Runner.run` raises.
        """
        keys = self._keys(items)
        # The lock lives as long as somebody holds it.
        lock = self._locks.setdefault(keys[-1], asyncio.Lock())
        async with lock:
            known = next((i for i in reversed(range(len(keys))) if keys[i] in self._store), None)
            if known == len(keys) - 1:
                return self._store[keys[-1]]
            rest = items if known is None else items[known + 1 :]
            start = [] if known is None else summary_items(self._store[keys[known]])
            summary = await self._ask([*start, *_complete(rest)], hooks)
            self._remember(keys[-1], summary)
            return summary

    async def _ask(self, items: list[Item], hooks: RunHooks[Any] | None) -> str:
        request = [*items, user_item(SUMMARY_REQUEST)]
        result = await Runner.run(self._agent, request, hooks=hooks)
        summary = str(result.final_output).strip()
        if not summary:
            raise ModelBehaviorError("The model wrote an empty summary.")
        return summary

    def _remember(self, key: str, summary: str) -> None:
        self._store[key] = summary
        while len(self._store) > self._max_entries:
            del self._store[next(iter(self._store))]

    def _keys(self, items: Sequence[Item]) -> list[str]:
        """One key for each prefix of `items`."""
        digest = hashlib.sha256(self._model_name.encode())
        keys = []
        for item in items:
            digest.update(b"\n" + fingerprint(item).encode())
            keys.append(digest.hexdigest())
        return keys


def _complete(items: Sequence[Item]) -> list[Item]:
    """What a server accepts: JSON objects, and no half of a tool call."""
    split = split_call_ids(items)
    return [
        item
        for item in items
        if isinstance(item, dict) and str(field(item, "call_id")) not in split
    ]
