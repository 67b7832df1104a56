"""Lesson 7.2: what the model was sent. What is printed is compared with the README."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from agents import Agent, SessionSettings, SQLiteSession
from agents.run import CallModelData, ModelInputData
from hypothesis import given
from hypothesis import strategies as st
from lesson_loader import load_lesson, run_alone, run_readme, said

FOLDER = "7_2_memory_operations"
NOTED = "assistant: Noted."
DOG, JOB = "user: My dog's name is Rex.", "user: I work as a nurse."
COLOR, ASK_COLOR = "user: My favorite color is green.", "user: What is my favorite color?"
WRONG, NAME = "user: My name is Alcie.", "user: My name is Alice."
ASK_NAME, THANKS = "user: What is my name?", "user: Thank you."
TOOL_TURN = ["user: What is the status of order A-1002?", "function_call", "function_call_output"]


def test_what_the_model_is_sent_in_a_folder_of_its_own(tmp_path: Path) -> None:
    ran = run_alone(FOLDER, tmp_path)
    seeded = [COLOR, NOTED, ASK_COLOR, said(3)]
    corrected = [*seeded, NAME, said(5)]
    tool_turn = [*TOOL_TURN, said(9)]
    expected = {
        "what was said before": [[DOG], [DOG, said(1), JOB]],
        "a question that no item answers": [[DOG, said(1), JOB, said(3), ASK_COLOR]],
        "added items, and none from before the clear": [[COLOR, NOTED, ASK_COLOR]],
        "the wrong name only before the pops": [[*seeded, WRONG], [*seeded, NAME]],
        "a tool turn": [[*corrected, TOOL_TURN[0]], [*corrected, *TOOL_TURN]],
        "half a turn without the call": [[*corrected, TOOL_TURN[0], THANKS]],
        "nothing of an undone turn": [[*corrected, THANKS]],
        "everything": [[*corrected, *tool_turn, ASK_NAME]],
        "a limit, without the output whose call it cuts off": [[said(9), ASK_NAME]],
        "two whole turns": [[NAME, said(5), *tool_turn, ASK_NAME]],
        "nothing from before the clear": [[ASK_NAME]],
    }
    assert ran.sent == [request for requests in expected.values() for request in requests]
    lines = [line for line in ran.printed.splitlines() if line.startswith("  sent, call ")]
    for number, (line, request) in enumerate(zip(lines, ran.sent, strict=True), 1):
        names = ", ".join(item.partition(":")[0] for item in request)
        items = "1 item" if len(request) == 1 else f"{len(request)} items"
        assert line == f"  sent, call {number}: {items} ({names})"
    assert "  input tokens: everything 11 | limit=2 11 | two turns 11\n" in ran.printed


@pytest.fixture(scope="module")
def lesson() -> ModuleType:
    return load_lesson(FOLDER)


# -- undo_turn ------------------------------------------------------------------------------

asked = [{"role": "user", "content": content} for content in ("Hi", "What?", [{"text": "x"}], 7)]
user_messages = st.sampled_from(asked)
others = st.sampled_from(
    [
        *(7, None, "text", {"a": 1}, asked),  # a list is no message, whatever it holds
        *({"role": role, "content": "x"} for role in ("assistant", "system")),
        *({"type": kind} for kind in ("function_call", "function_call_output", "reasoning")),
    ]
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


# -- the README's ways to shorten a request ---------------------------------------------------


@pytest.fixture(scope="module")
def shown(lesson: ModuleType) -> dict[str, Any]:
    return run_readme(FOLDER, lesson)


def test_a_rare_cut_keeps_the_beginning_and_4_to_12_turns(shown: dict[str, Any]) -> None:
    history: list[Any] = [{"role": "system", "content": "x"}]
    starts = []
    for number in range(50):
        turn = [{"role": role, "content": number} for role in ("user", "assistant")]
        history += turn
        sent = shown["cut_rarely"](history, ["new"])
        assert sent == [*history[len(history) + 1 - len(sent) :], "new"]
        kept = sum(1 for item in sent[:-1] if item["role"] == "user")
        assert kept == number + 1 if number < 12 else 4 <= kept <= 12
        starts.append(sent[0]["content"])
    assert [starts.count(start) for start in dict.fromkeys(starts)] == [12, 9, 9, 9, 9, 2]


def test_only_the_newest_pictures_are_sent(shown: dict[str, Any]) -> None:
    part = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
    picture = {"role": "user", "content": [part]}
    reply = {"role": "assistant", "content": "x"}
    items = [picture, reply, picture]
    data = CallModelData(ModelInputData(items, "Be kind."), Agent(name="A"), None)
    sent = shown["only_new_pictures"](data)
    assert sent.input[1:] == items[1:] and sent.instructions == "Be kind."
    assert sent.input[0] == {
        "role": "user",
        "content": [{"type": "input_text", "text": "[picture]"}],
    }
    assert items[0] == picture, "it is a copy"
