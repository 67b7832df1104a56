"""Turns: cutting a history, and finding what was not answered."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_tools import call, output, tool_turn

from session_lab.history.items import assistant_item, is_user_message, user_item
from session_lab.history.turns import last_turns, unanswered_turn

any_items = st.one_of(
    st.sampled_from([user_item("hi"), assistant_item("ok"), call("c"), output("c")]),
    st.sampled_from([7, None, "text", {"a": 1}, {"role": "system", "content": "x"}]),
)


def hosted(status: str) -> Any:
    return {"type": "web_search_call", "id": "w", "status": status}


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
        assert not asks[-1] or turn is turns[-1], "questions in a row begin one turn"
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
        ([user_item("hi"), assistant_item("let me look"), {"type": "shell_call"}], False),
        ([user_item("hi"), assistant_item("may I?"), {"type": "mcp_approval_request"}], False),
        ([user_item("hi"), assistant_item("let me look"), hosted("searching")], False),
        ([user_item("hi"), assistant_item("here you are"), hosted("completed")], True),
        ([user_item("hi"), hosted("searching"), assistant_item("found")], True),
    ],
)
def test_an_unanswered_question_is_found_from_the_items(
    history: list[Any], is_answered: bool
) -> None:
    assert unanswered_turn(history) == ([] if is_answered else last_turns(history, 1))
