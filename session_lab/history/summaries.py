"""Summaries of items, written by a model and remembered."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

from agents import Agent, Model, ModelBehaviorError, RunHooks, Runner

from session_lab.history.items import SUMMARY_REQUEST, Item, fingerprint, summary_items
from session_lab.history.rules import Api, sendable

INSTRUCTIONS = "Write only a summary. Keep every name, number, date, decision and tool result."


def summary_writer(model: Model | str | None) -> Agent[Any]:
    """The agent that writes summaries."""
    return Agent(name="Summary", instructions=INSTRUCTIONS, model=model)


async def write_summary(
    writer: Agent[Any],
    items: list[Any],
    hooks: RunHooks[Any] | None = None,
    api: Api = "Responses",
) -> str:
    """One request: what the API accepts of the items, then the question for a summary of them."""
    request = [*sendable(items, api), {"role": "user", "content": SUMMARY_REQUEST}]
    result = await Runner.run(writer, request, hooks=hooks)
    summary = str(result.final_output).strip()
    if not summary:
        raise ModelBehaviorError("The model wrote an empty summary.")
    return summary


class Summarizer:
    """Has summaries written and remembers them by the content of what they summarize.

    Where a summary of the first items is known, it stands in for them, so that each new turn costs
    one short request. The oldest of more than `max_entries` summaries make room for new ones.
    """

    def __init__(
        self, model: Model | str | None, api: Api = "Responses", max_entries: int = 500
    ) -> None:
        self._writer = summary_writer(model)
        self._api = api
        self._max_entries = max_entries
        self._known: dict[str, str] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def cached(self, items: Sequence[Item]) -> str | None:
        """The summary of exactly these items, if it was written before."""
        return self._known.get(_keys(items)[-1]) if items else None

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
        keys = _keys(items)
        # The lock lives as long as somebody holds it.
        lock = self._locks.setdefault(keys[-1], asyncio.Lock())
        async with lock:
            known = next((i for i in reversed(range(len(keys))) if keys[i] in self._known), None)
            if known == len(keys) - 1:
                return self._known[keys[-1]]
            rest = items if known is None else items[known + 1 :]
            start = [] if known is None else summary_items(self._known[keys[known]])
            summary = await write_summary(self._writer, [*start, *rest], hooks, self._api)
            self._known[keys[-1]] = summary
            while len(self._known) > self._max_entries:
                del self._known[next(iter(self._known))]
            return summary


def _keys(items: Sequence[Item]) -> list[str]:
    """One key for each prefix of `items`."""
    digest = hashlib.sha256()
    keys = []
    for item in items:
        digest.update(b"\n" + fingerprint(item).encode())
        keys.append(digest.hexdigest())
    return keys
