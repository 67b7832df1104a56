"""Turns: cutting a history, finding what was not answered, removing a whole turn or nothing."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from agents import Runner, SQLiteSession
from agents.testing import ScriptedModel, assistant_message, function_call
from hypothesis import given
from hypothesis import strategies as st
from policy_tools import HISTORY, ListSession, call, filled, output, tool_turn

from session_lab.code_view.agents import make_agent
from session_lab.history.items import assistant_item, is_user_message, kind, text_of, user_item
from session_lab.history.turns import (
    SessionChanged,
    last_turns,
    pop_splits_pair,
    remove_last,
    unanswered_turn,
)

any_items = st.one_of(
    st.sampled_from([user_item("hi"), assistant_item("ok"), call("c"), output("c")]),
    st.sampled_from([7, None, "text", {"a": 1}, {"role": "system", "content": "x"}]),
)
histories = st.lists(any_items, max_size=12)


@given(histories)
def test_turns_joined_again_are_the_history(history: list[Any]) -> None:
    turns: list[list[Any]] = []
    rest = history
    while rest:
        turns.insert(0, last_turns(rest, 1))
        rest = rest[: len(rest) - len(turns[0])]
    assert [item for turn in turns for item in turn] == history
    for index, turn in enumerate(turns):
        asks = [is_user_message(item) for item in turn]
        assert asks == sorted(asks, reverse=True), "questions come first"
        assert asks[0] or index == 0
    for n in range(1, len(turns) + 2):
        assert last_turns(history, n) == [item for turn in turns[-n:] for item in turn]


@pytest.mark.parametrize(
    ("history", "is_answered"),
    [
        ([], True),
        ([assistant_item("welcome")], True),
        ([call("c"), output("c")], True),
        (tool_turn(1), True),
        ([user_item("hi")], False),
        ([*tool_turn(1), user_item("hi")], False),
        (tool_turn(1)[:2], False),
        (tool_turn(1)[:3], False),
        ([user_item("hi"), assistant_item("let me look"), call("c")], False),
        ([user_item("hi"), assistant_item("let me look"), call("c"), output("c")], False),
        ([user_item("hi"), user_item("hello?"), assistant_item("yes")], True),
    ],
)
def test_an_unanswered_question_is_found_from_the_items(
    history: list[Any], is_answered: bool
) -> None:
    assert unanswered_turn(history) == ([] if is_answered else last_turns(history, 1))


@pytest.mark.parametrize("completed_calls", [0, 1], ids=["at once", "after a tool call"])
async def test_a_failed_run_leaves_an_unanswered_question(completed_calls: int) -> None:
    session = await filled(HISTORY)
    called = [function_call("order_status", {"order_id": "A-1001"}, call_id="new")]
    model = ScriptedModel([*[called] * completed_calls, RuntimeError("away")])
    with pytest.raises(RuntimeError):
        await Runner.run(make_agent("Support", model), "where is it?", session=session)
    turn = unanswered_turn(await session.get_items())
    assert text_of(turn[0]) == "where is it?"
    assert len(turn) == 1 + 2 * completed_calls


def test_a_pop_that_parts_a_call_from_its_output() -> None:
    assert pop_splits_pair([user_item("hi"), call("c"), output("c")])
    assert not pop_splits_pair(tool_turn(1))
    assert not pop_splits_pair([user_item("hi"), call("c")]), "it was split before"
    assert not pop_splits_pair([])


# -- removing -------------------------------------------------------------------------------


async def test_the_last_turn_holds_its_tool_items() -> None:
    called = [function_call("order_status", {"order_id": "A-1001"}, call_id="new")]
    model = ScriptedModel([called, [assistant_message("on its way")]])
    session = await filled(HISTORY)
    await Runner.run(make_agent("Support", model), "where is it?", session=session)
    turn = last_turns(await session.get_items(), 1)
    assert [kind(item) for item in turn] == ["user", "tool call", "tool output", "assistant"]
    await remove_last(session, turn)
    assert await session.get_items() == HISTORY


@given(histories, st.integers(0, 12))
def test_what_is_confirmed_is_removed(history: list[Any], count: int) -> None:
    async def check(session: SQLiteSession) -> None:
        await session.add_items(history)
        expected = history[max(0, len(history) - count) :]
        await remove_last(session, expected)
        assert await session.get_items() == history[: len(history) - len(expected)]

    asyncio.run(check(SQLiteSession("test")))


@given(histories, st.lists(any_items, min_size=1, max_size=4))
def test_all_or_nothing(history: list[Any], expected: list[Any]) -> None:
    async def check(session: SQLiteSession) -> None:
        await session.add_items(history)
        fits = history[-len(expected) :] == expected and len(history) >= len(expected)
        if fits:
            await remove_last(session, expected)
            assert await session.get_items() == history[: -len(expected)]
        else:
            with pytest.raises(SessionChanged):
                await remove_last(session, expected)
            assert await session.get_items() == history

    asyncio.run(check(SQLiteSession("test")))


class Shared(ListSession):
    """Another program writes when this one has popped `after` items."""

    def __init__(self, items: Sequence[Any], after: int, write: Callable[[list[Any]], Any]) -> None:
        super().__init__(items)
        self.after = after
        self.write = write

    async def pop_item(self) -> Any:
        if self.after == 0:
            self.write(self.items)
        self.after -= 1
        return await super().pop_item()


@pytest.mark.parametrize("after", [0, 1, 3])
async def test_what_another_program_added_meanwhile_is_kept(after: int) -> None:
    session = Shared(HISTORY, after, lambda items: items.append(user_item("from elsewhere")))
    with pytest.raises(SessionChanged, match="Nothing was removed"):
        await remove_last(session, HISTORY[-4:])
    assert session.items == [*HISTORY, user_item("from elsewhere")]


async def test_what_another_program_removed_meanwhile_stays_removed() -> None:
    session = Shared(HISTORY, 1, lambda items: items.pop())
    with pytest.raises(SessionChanged):
        await remove_last(session, HISTORY[-4:])
    assert session.items == [*HISTORY[:-2], HISTORY[-1]]


async def test_a_session_that_was_cleared_meanwhile_gets_back_what_was_taken() -> None:
    session = Shared(HISTORY, 2, lambda items: items.clear())
    with pytest.raises(SessionChanged):
        await remove_last(session, HISTORY[-4:])
    assert session.items == HISTORY[-2:]
