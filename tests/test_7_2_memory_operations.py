"""Lesson 7.2: what the model was sent. What is printed is compared with the README."""

from __future__ import annotations

import asyncio
import contextlib
import io
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from agents import SessionSettings, SQLiteSession
from hypothesis import given
from hypothesis import strategies as st
from lesson_loader import load_lesson, recording_model, run_alone, sent

FOLDER = "7_2_memory_operations"
REPLY, NOTED = "assistant: Reply.", "assistant: Noted."
DOG, JOB = "user: My dog's name is Rex.", "user: I work as a nurse."
COLOR, ASK_COLOR = "user: My favorite color is green.", "user: What is my favorite color?"
WRONG, NAME = "user: My name is Alcie.", "user: My name is Alice."
ASK_NAME, THANKS = "user: What is my name?", "user: Thank you."
ORDER = "user: What is the status of order A-1002?"
TOOL_TURN = [ORDER, "function_call", "function_call_output", REPLY]


class Run(NamedTuple):
    sent: list[list[str]]
    printed: list[str]


@pytest.fixture(scope="module")
def lesson() -> ModuleType:
    return load_lesson(FOLDER)


@pytest.fixture(scope="module")
def run(lesson: ModuleType) -> Run:
    """The whole script, once, with a model that knows nothing and keeps what it is sent."""
    lesson.agent.model = model = recording_model()
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        asyncio.run(lesson.main())
    return Run(sent(model), printed.getvalue().splitlines())


# -- the script -----------------------------------------------------------------------------


def test_what_the_model_is_sent(run: Run) -> None:
    seeded = [COLOR, NOTED, ASK_COLOR, REPLY]
    corrected = [*seeded, NAME, REPLY]
    expected = {
        "what was said before": [[DOG], [DOG, REPLY, JOB]],
        "a question that no item answers": [[DOG, REPLY, JOB, REPLY, ASK_COLOR]],
        "added items, and none from before the clear": [[COLOR, NOTED, ASK_COLOR]],
        "the wrong name only before the pops": [[*seeded, WRONG], [*seeded, NAME]],
        "a tool turn": [[*corrected, ORDER], [*corrected, *TOOL_TURN[:3]]],
        "half a turn without the call": [[*corrected, ORDER, THANKS]],
        "nothing of an undone turn": [[*corrected, THANKS]],
        "everything": [[*corrected, *TOOL_TURN, ASK_NAME]],
        "a limit, without the output whose call it cuts off": [[REPLY, ASK_NAME]],
        "two whole turns": [[NAME, REPLY, *TOOL_TURN, ASK_NAME]],
        "nothing from before the clear": [[ASK_NAME]],
    }
    assert run.sent == [request for requests in expected.values() for request in requests]


def test_each_request_is_printed_with_its_number(run: Run) -> None:
    printed = [line for line in run.printed if line.startswith("  sent, call ")]
    assert len(printed) == len(run.sent)
    for number, (line, request) in enumerate(zip(printed, run.sent, strict=True), 1):
        names = [item.partition(":")[0] for item in request]
        items = "1 item" if len(names) == 1 else f"{len(names)} items"
        assert line == f"  sent, call {number}: {items} ({', '.join(names)})"


def test_the_script_needs_nothing_but_the_sdk(tmp_path: Path) -> None:
    ran = run_alone(FOLDER, tmp_path)
    # This server never calls the tool, so the order is a plain turn of two items.
    assert [len(items) for items in ran.sent] == [1, 3, 5, 3, 5, 5, 7, 7, 7, 9, 3, 5, 1]
    assert "  input tokens: everything 11 | limit=2 11 | two turns 11\n" in ran.printed


# -- undo_turn ------------------------------------------------------------------------------

# Keys of three letters at most: no item of these has a role or a type.
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
user_messages = st.builds(lambda text: {"role": "user", "content": text}, any_json)
others = st.one_of(
    any_json,
    st.sampled_from(["assistant", "system"]).map(lambda role: {"role": role, "content": "x"}),
    st.sampled_from(["function_call", "function_call_output", "reasoning"]).map(
        lambda kind: {"type": kind, "call_id": "1"}
    ),
    st.lists(user_messages, max_size=1),  # a list is no message, whatever it holds
)
turns = st.tuples(
    st.lists(user_messages, min_size=1, max_size=3), st.lists(others, max_size=4)
).map(lambda parts: [*parts[0], *parts[1]])


class Killed(BaseException):
    """Stands for the end of the process."""


class Watched(SQLiteSession):
    """In memory. Refuses to be added to once it is filled, and dies before pop number `last`."""

    def __init__(self, items: list[Any], last: int | None = None) -> None:
        super().__init__("watched", session_settings=SessionSettings(limit=1))
        asyncio.run(super().add_items(items))
        self.pops_left = last

    async def add_items(self, items: list[Any]) -> None:
        raise AssertionError(f"put back: {items}")

    async def pop_item(self) -> Any:
        if self.pops_left == 0:
            raise Killed
        if self.pops_left is not None:
            self.pops_left -= 1
        return await super().pop_item()

    def rows(self) -> list[Any]:
        return asyncio.run(self.get_items(limit=10**9))


# What a session can hold before a turn begins: nothing, or an end that is no user message.
histories = st.one_of(
    st.just([]),
    st.tuples(st.lists(user_messages | others, max_size=8), others).map(lambda h: [*h[0], h[1]]),
)


@given(history=histories, turn=turns, data=st.data())
def test_undo_removes_the_turn_and_leaves_its_beginning_if_it_is_killed(
    lesson: ModuleType, history: list[Any], turn: list[Any], data: st.DataObject
) -> None:
    pops = data.draw(st.none() | st.integers(0, len(turn) - 1))
    session = Watched([*history, *turn], pops)
    if pops is None:
        assert asyncio.run(lesson.undo_turn(session)) == turn
        assert session.rows() == history
    else:
        with pytest.raises(Killed):
            asyncio.run(lesson.undo_turn(session))
        assert session.rows() == [*history, *turn[: len(turn) - pops]]
    session.close()


@given(history=st.lists(others, max_size=4))
def test_without_a_user_message_nothing_is_removed(lesson: ModuleType, history: list[Any]) -> None:
    session = Watched(history)
    assert asyncio.run(lesson.undo_turn(session)) == []
    assert session.rows() == history
    session.close()


@given(greeting=st.lists(others, max_size=2), turns=st.lists(turns, max_size=4))
def test_the_last_two_turns_are_whole(
    lesson: ModuleType, greeting: list[Any], turns: list[list[Any]]
) -> None:
    turns = [[*turn, {"role": "assistant", "content": "x"}] for turn in turns]
    history = sum(turns, greeting)
    expected = sum(turns[-2:], [] if len(turns) > 1 else greeting)
    assert lesson.last_two_turns(history, ["new"]) == [*expected, "new"]
