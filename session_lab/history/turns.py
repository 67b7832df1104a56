"""Items to turns: a user message, or several in a row, with all that was stored in answer to them.

Items before the first user message (a seeded greeting, say) are a turn without a question.
"""

from __future__ import annotations

from typing import Any

from session_lab.history.items import Item, field, is_hosted, is_user_message, kind


def last_turns(items: list[Any], n: int) -> list[Any]:
    """The newest n turns, whole: a turn begins with a user message that follows no other."""
    asks = [is_user_message(item) for item in items]
    starts = [i for i, asked in enumerate(asks) if i == 0 or (asked and not asks[i - 1])]
    return items[starts[-n] :] if len(starts) > n else items


def unanswered_turn(items: list[Item]) -> list[Item]:
    """The last turn, if its question was stored and no answer was; else no items.

    An answer is an assistant message after the question and after every tool item, approval and
    hosted tool call that is not finished. The SDK stores the user's item before it calls the model,
    so a failed or cancelled run, a crash and another program all leave the same rows behind.
    """
    turn = last_turns(items, 1)
    if not turn or not is_user_message(turn[0]):
        return []
    last = next((item for item in reversed(turn) if _asks_or_answers(item)), None)
    return [] if kind(last) == "assistant" else turn


_TOOLS = ("assistant", "tool call", "tool output", "mcp approval request", "mcp approval response")


def _asks_or_answers(item: Item) -> bool:
    is_done = field(item, "status") in (None, "completed", "failed")
    return kind(item) in _TOOLS or (is_hosted(item) and not is_done)
