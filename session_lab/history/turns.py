"""Items to turns: one user message with everything that was stored in answer to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from agents.memory import Session

from session_lab.history.items import (
    Item,
    fingerprint,
    is_assistant_message,
    is_user_message,
    kind,
    split_call_ids,
    text_of,
)


@dataclass(frozen=True)
class Turn:
    """`items` are `stored[start : start + len(items)]` of the session they were read from.

    Items before the first user message (a seeded greeting, say) form a turn without a question.
    """

    start: int
    items: list[Item]

    @property
    def end(self) -> int:
        return self.start + len(self.items)

    @property
    def question(self) -> str | None:
        return text_of(self.items[0]) if is_user_message(self.items[0]) else None

    @property
    def reply(self) -> str | None:
        """The last assistant message of the turn."""
        texts = [text_of(item) for item in self.items if is_assistant_message(item)]
        return texts[-1] if texts else None

    @property
    def is_answered(self) -> bool:
        """True once an assistant message follows the question and every tool item."""
        last_message = _last_index(self.items, "assistant")
        last_tool_item = _last_index(self.items, "tool call", "tool output")
        return self.question is None or last_message > last_tool_item


def split_turns(items: Sequence[Item]) -> list[Turn]:
    """Cut a history into turns; joined again, the turns are the history."""
    starts = [index for index, item in enumerate(items) if index == 0 or is_user_message(item)]
    ends = [*starts, len(items)][1:]
    return [Turn(start, list(items[start:end])) for start, end in zip(starts, ends, strict=True)]


def unanswered_turn(items: Sequence[Item]) -> Turn | None:
    """The last turn, if its question was stored and no answer was.

    The SDK stores the user's item before it calls the model, so a failed or cancelled run, a crash
    and another program all leave the same rows behind.
    """
    turns = split_turns(items)
    return turns[-1] if turns and not turns[-1].is_answered else None


def pop_splits_pair(items: Sequence[Item]) -> bool:
    """Whether `pop_item()` would part a tool call from its output."""
    return bool(items) and bool(split_call_ids(items[:-1]) - split_call_ids(items))


class SessionChanged(Exception):
    """The session's end is no longer what was confirmed; nothing was removed."""


async def remove_last(session: Session, expected: Sequence[Item]) -> None:
    """Remove `expected` from the end of the session, or nothing.

    Each popped item is compared; where one differs, because another program wrote in between, all
    that was popped is put back.

    Raises:
        SessionChanged: the session does not end with `expected`.
    """
    confirmed = [fingerprint(item) for item in expected]
    tail = await session.get_items(limit=len(expected)) if expected else []
    if [fingerprint(item) for item in tail] != confirmed:
        raise SessionChanged("The session has changed since you looked. Nothing was removed.")
    removed: list[Item] = []
    for wanted in reversed(confirmed):
        item = await session.pop_item()
        if fingerprint(item) != wanted:
            await session.add_items(_put_back(removed, item, confirmed))
            raise SessionChanged("The session has changed since you looked. Nothing was removed.")
        removed.insert(0, cast(Item, item))


def _put_back(removed: list[Item], other: Item | None, confirmed: Sequence[str]) -> list[Item]:
    """`removed` and the item that was popped instead of the next, in the order of their age."""
    if other is None:
        return removed
    is_older = fingerprint(other) in confirmed
    return [other, *removed] if is_older else [*removed, other]


async def undo_turn(session: Session) -> list[Item]:
    """Remove the whole last turn, tool items included, and return its items in stored order.

    Two blind `pop_item()` calls would not do: a turn that called a tool stores four items or more.
    """
    turns = split_turns(await session.get_items())
    if not turns:
        return []
    await remove_last(session, turns[-1].items)
    return turns[-1].items


def _last_index(items: Sequence[Item], *wanted: str) -> int:
    return max((index for index, item in enumerate(items) if kind(item) in wanted), default=-1)
