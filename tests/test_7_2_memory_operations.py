"""Lesson 7.2: what the model was sent, then what is stored, then what is printed."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from agents import RunConfig, Runner, SessionSettings, SQLiteSession, TResponseInputItem
from agents.testing import ScriptedModel
from lesson_loader import check_program, load_lesson, recording_model, rows, run_solution, sent

FOLDER = "7_2_memory_operations"
REPLY = "assistant: Reply."
NAME, DOG, ASK_DOG = (
    "user: My name is Alice.",
    "user: My dog's name is Rex.",
    "user: What is my dog's name?",
)
ORDER, OTHER_ORDER = (f"user: What is the status of order A-100{n}?" for n in (2, 1))
TOOL_TURN = [ORDER, "function_call", "function_call_output", REPLY]


@pytest.fixture
def lesson() -> ModuleType:
    return load_lesson(FOLDER)


@pytest.fixture
def model(lesson: ModuleType) -> ScriptedModel:
    lesson.agent.model = recording_model()
    assert isinstance(lesson.agent.model, ScriptedModel)
    return lesson.agent.model


@pytest.fixture
async def session(tmp_path: Path) -> AsyncIterator[SQLiteSession]:
    with closing(SQLiteSession("s", tmp_path / "s.db")) as opened:
        yield opened


async def test_read_items(
    lesson: ModuleType,
    model: ScriptedModel,
    session: SQLiteSession,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await lesson.read_items(session)
    assert sent(model) == [[NAME], [NAME, REPLY, DOG]]
    assert rows(Path(session.db_path), "s") == [NAME, REPLY, DOG, REPLY]
    printed = capsys.readouterr().out.splitlines()
    assert '  {"content": "My dog\'s name is Rex.", "role": "user"}' in printed[-2]
    assert '"text": "Reply."' in printed[-1]


async def test_seeded_items_are_sent_as_if_they_had_been_said(
    lesson: ModuleType, model: ScriptedModel, session: SQLiteSession
) -> None:
    await lesson.seed(session)
    question, said = "user: What is my favorite color?", "user: My favorite color is green."
    noted = "assistant: Noted: your favorite color is green."
    assert sent(model) == [[question], [said, noted, question]]
    assert rows(Path(session.db_path), "s") == [said, noted, question, REPLY]


async def test_a_popped_item_is_neither_sent_nor_stored(
    lesson: ModuleType,
    model: ScriptedModel,
    session: SQLiteSession,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await lesson.correct(session)
    assert sent(model) == [[NAME]]
    assert rows(Path(session.db_path), "s") == [NAME, REPLY]
    assert "popped: {'role': 'user', 'content': 'My name is Alcie.'}" in capsys.readouterr().out


async def test_two_blind_pops_leave_the_question_and_the_call(
    lesson: ModuleType,
    model: ScriptedModel,
    session: SQLiteSession,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await lesson.pop_twice(session)
    assert sent(model) == [[ORDER], TOOL_TURN[:3], [ORDER, NAME]], "the call alone is not sent"
    assert rows(Path(session.db_path), "s") == [ORDER, "function_call", NAME, REPLY]
    assert "  left: 2 items (user, function_call)\n" in capsys.readouterr().out


async def test_undoing_a_turn_leaves_nothing_of_it(
    lesson: ModuleType,
    model: ScriptedModel,
    session: SQLiteSession,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await lesson.undo_a_turn(session)
    assert sent(model) == [[ORDER], TOOL_TURN[:3], [NAME]]
    assert rows(Path(session.db_path), "s") == [NAME, REPLY]
    assert "  undone: 4 items (user, function_call, function_call_output, assistant)" in (
        capsys.readouterr().out
    )


async def test_undo_takes_one_turn_and_only_a_turn(
    lesson: ModuleType, model: ScriptedModel, session: SQLiteSession
) -> None:
    greeting: TResponseInputItem = {"role": "assistant", "content": "Welcome."}
    await session.add_items([greeting])
    await lesson.ask(session, lesson.FACTS[0])
    await lesson.ask(session, lesson.FACTS[1])
    undone = await lesson.undo_turn(session)
    assert [item["role"] for item in undone] == ["user", "assistant"]
    assert rows(Path(session.db_path), "s") == ["assistant: Welcome.", NAME, REPLY]
    assert len(await lesson.undo_turn(session)) == 2
    assert await lesson.undo_turn(session) == []
    assert await session.get_items() == [greeting], "no turn is left, the greeting stays"
    await session.clear_session()
    assert await lesson.undo_turn(session) == []


async def test_bounding_what_is_sent_leaves_the_rows_alone(
    lesson: ModuleType, model: ScriptedModel, session: SQLiteSession
) -> None:
    await lesson.bound_what_is_sent(session)
    tool_turn = [OTHER_ORDER, "function_call", "function_call_output", REPLY]
    facts, dog_turn = [NAME, REPLY, DOG, REPLY], [ASK_DOG, REPLY]
    assert sent(model) == [
        [NAME],
        [NAME, REPLY, DOG],
        [*facts, OTHER_ORDER],
        [*facts, *tool_turn[:3]],
        [REPLY, ASK_DOG],
        [DOG, REPLY, *tool_turn, *dog_turn, ASK_DOG],
    ]
    assert rows(Path(session.db_path), "s") == [*facts, *tool_turn, *dog_turn, *dog_turn]


async def test_the_limit_reads_the_half_pair_that_is_not_sent(
    lesson: ModuleType, model: ScriptedModel, session: SQLiteSession
) -> None:
    await lesson.ask(session, "What is the status of order A-1002?", lesson.CALL_TOOL)
    read = await session.get_items(limit=2)
    assert [item.get("type") for item in read] == ["function_call_output", "message"]
    limit = RunConfig(session_settings=SessionSettings(limit=2))
    await Runner.run(lesson.agent, "Hello", session=session, run_config=limit)
    assert sent(model)[-1] == [REPLY, "user: Hello"]
    # A callback that cuts by items has no such net: the half pair is sent, and servers refuse it.
    cut = RunConfig(session_input_callback=lambda history, new: history[-4:-2] + new)
    await Runner.run(lesson.agent, "Hello", session=session, run_config=cut)
    assert sent(model)[-1] == ["function_call_output", REPLY, "user: Hello"]
    cut = RunConfig(session_input_callback=lambda history, new: history[:2] + new)
    await Runner.run(lesson.agent, "Hello", session=session, run_config=cut)
    assert sent(model)[-1] == [ORDER, "user: Hello"], "a call without its output is never sent"


async def test_an_item_that_the_callback_makes_up_is_stored(
    lesson: ModuleType, model: ScriptedModel, session: SQLiteSession
) -> None:
    def add(history: list[Any], new_items: list[Any]) -> list[Any]:
        return [{"role": "user", "content": "Made up."}, *history, *new_items]

    await lesson.ask(session, "Hello", RunConfig(session_input_callback=add))
    assert rows(Path(session.db_path), "s") == ["user: Made up.", "user: Hello", REPLY]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_last_turns_are_whole(lesson: ModuleType, count: int) -> None:
    turn: list[dict[str, Any]] = [
        {"role": "user", "content": "?"},
        {"type": "function_call", "call_id": "1"},
        {"type": "function_call_output", "call_id": "1"},
    ]
    assert lesson.last_turns(turn * 2, count) == turn * min(count, 2)
    assert lesson.last_turns([], count) == []


async def test_clearing_deletes_the_sessions_row_too(
    lesson: ModuleType, model: ScriptedModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db_path = tmp_path / "s.db"
    await lesson.clear(db_path)
    assert sent(model)[-1] == [DOG, REPLY, ASK_DOG]
    assert rows(db_path, "clear_old") == []
    assert rows(db_path, "clear_new") == [DOG, REPLY, ASK_DOG, REPLY]
    with closing(sqlite3.connect(db_path)) as db:
        assert db.execute("SELECT session_id FROM agent_sessions").fetchall() == [("clear_new",)]
    printed = capsys.readouterr().out
    assert "  rows before: {'agent_sessions': 1, 'agent_messages': 4}\n" in printed
    assert "  rows after: {'agent_sessions': 0, 'agent_messages': 0}\n" in printed


async def test_the_tool_is_deterministic(lesson: ModuleType, session: SQLiteSession) -> None:
    lesson.agent.model = recording_model()
    await lesson.ask(session, "What is the status of order A-1002?", lesson.CALL_TOOL)
    output: Any = (await session.get_items())[2]
    assert output["output"] == "Order A-1002: being packed"
    parameters = json.dumps(lesson.order_status.params_json_schema)
    assert "The order's ID, for example A-1001." in parameters


def test_the_program(tmp_path: Path) -> None:
    printed = check_program(FOLDER, "memory_operations.db", tmp_path)
    turns = [turn.splitlines() for turn in printed.split("User: ")[1:]]
    replies = [(turn[0], turn[1]) for turn in turns]
    assert [
        "green" in reply for question, reply in replies if question.endswith("favorite color?")
    ] == [False, True]
    assert ["Rex" in reply for question, reply in replies if question.endswith("dog's name?")] == [
        False,
        True,
        True,
    ]
    assert sum("being packed" in reply for _, reply in replies) == 2
    tokens = [int(line.split(", ")[-1].split()[0]) for turn in turns for line in turn[2:3]]
    assert min(tokens) > 0, "the length that the model reports is missing"


def test_the_solution_forgets_the_city_and_nothing_else(lesson: ModuleType) -> None:
    forget = run_solution(FOLDER, lesson)["forget"]
    lesson.agent.model = model = recording_model()

    async def check() -> list[str]:
        with closing(SQLiteSession("s")) as session, closing(SQLiteSession("copy")) as copy:
            for text in ("My name is Alice.", "I live in Oslo.", "I work as a nurse."):
                await lesson.ask(session, text)
            await forget(session, "Oslo", copy)
            assert await copy.get_items() == []
            await lesson.ask(session, "Where do I live?")
            return sent(model)[-1]

    assert asyncio.run(check()) == [
        *(NAME, REPLY),
        *("user: I work as a nurse.", REPLY),
        "user: Where do I live?",
    ]


class Stopped(BaseException):
    """Stands for the end of the process."""


class Stopping(SQLiteSession):
    """Ends at its `last`th change, before or after that change is in the database."""

    def __init__(self, *args: Any, last: int, after: bool) -> None:
        super().__init__(*args)
        self.last, self.after, self.changes = last, after, 0

    def check(self, after: bool) -> None:
        self.changes += not after
        if self.changes == self.last and after == self.after:
            raise Stopped

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        self.check(False)
        await super().add_items(items)
        self.check(True)

    async def pop_item(self) -> TResponseInputItem | None:
        self.check(False)
        item = await super().pop_item()
        self.check(True)
        return item


# Six pops, one that finds nothing, and the adding.
@pytest.mark.parametrize("last", range(1, 9))
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_solution_that_stops_in_between_loses_nothing(
    lesson: ModuleType, last: int, after: bool, tmp_path: Path
) -> None:
    forget = run_solution(FOLDER, lesson)["forget"]
    items: list[Any] = []
    for text in ("My name is Alice.", "I live in Oslo.", "I work as a nurse."):
        items += [{"role": "user", "content": text}, {"role": "assistant", "content": "Noted."}]
    session = Stopping("s", tmp_path / "s.db", last=0, after=after)
    with closing(session), closing(SQLiteSession("copy", tmp_path / "s.db")) as copy:
        asyncio.run(session.add_items(items))
        session.last, session.changes = last, 0
        with pytest.raises(Stopped):
            asyncio.run(forget(session, "Oslo", copy))
        assert asyncio.run(copy.get_items()) == items
        with pytest.raises(RuntimeError, match="restore"):
            asyncio.run(forget(session, "Oslo", copy))
        assert asyncio.run(copy.get_items()) == items, "a second call takes nothing from the copy"
