"""What a session held after each recorded action."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from session_lab.code_view.actions import (
    Action,
    AddItem,
    Baseline,
    ClearSession,
    CreateSession,
    EditItem,
    Fork,
    ImportItems,
    PopItem,
    RunTurn,
    UndoTurn,
)
from session_lab.history.items import Item, user_item


def replay(actions: Sequence[Action]) -> Iterator[tuple[Action, list[Item]]]:
    """Each action, with the items that the session held after it.

    An edited message is given as a user message, whoever wrote it.
    """
    items: list[Item] = []
    for action in actions:
        items = _after(action, items)
        yield action, items


def _after(action: Action, items: list[Item]) -> list[Item]:
    if isinstance(action, CreateSession | ClearSession):
        return []
    if isinstance(action, Baseline):
        return list(action.items)
    if isinstance(action, ImportItems):
        return [*items, *action.items]
    if isinstance(action, RunTurn):
        return [*items, *action.stored]
    if isinstance(action, AddItem):
        return [*items, action.item]
    if isinstance(action, PopItem):
        return items[:-1]
    if isinstance(action, UndoTurn):
        return items[: len(items) - action.removed]
    if isinstance(action, EditItem):
        start = len(items) - action.index_from_end
        return [*items[:start], user_item(action.text), *items[start + 1 :]]
    return items[: action.item_count] if isinstance(action, Fork) else items
