"""Items to turns: a user message, or several in a row, with all that was stored in answer to them.

Items before the first user message (a seeded greeting, say) are a turn without a question.
"""

from __future__ import annotations

from typing import Any

from session_lab.history.items import Item, is_answered, is_user_message


def last_turns(items: list[Any], n: int) -> list[Any]:
    """The newest n turns, whole: a turn begins with a user message that follows no other."""
    asks = [is_user_message(item) for item in items]
    starts = [i for i, asked in enumerate(asks) if i == 0 or (asked and not asks[i - 1])]
    return items[starts[-n] :] if len(starts) > n else items


def unanswered_turn(items: list[Item]) -> list[Item]:
    """The last turn, if its question was stored and no answer was; else no items.

    The SDK stores the user's item before it calls the model, so a failed or cancelled run, a crash
    and another program all leave the same rows behind.
    """
    turn = last_turns(items, 1)
    return turn if turn and is_user_message(turn[0]) and not is_answered(turn) else []
