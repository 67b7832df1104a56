"""Lesson 7.1: what the model was sent, then what is stored, then what is printed."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from agents import Runner, SQLiteSession, UserError
from agents.testing import ScriptedModel
from lesson_loader import check_program, load_lesson, recording_model, rows, run_solution, sent

FOLDER = "7_1_basic_sessions"
NAME, ASK_NAME = "user: My name is Alice.", "user: What is my name?"
WORK, ASK_WORK = "user: I work as a developer.", "user: What do I do for work?"
REPLY = "assistant: Reply."


@pytest.fixture
def lesson() -> ModuleType:
    return load_lesson(FOLDER)


@pytest.fixture
def model(lesson: ModuleType) -> ScriptedModel:
    lesson.agent.model = recording_model()
    assert isinstance(lesson.agent.model, ScriptedModel)
    return lesson.agent.model


async def test_without_a_session_each_run_is_sent_its_own_message(
    lesson: ModuleType, model: ScriptedModel, capsys: pytest.CaptureFixture[str]
) -> None:
    await lesson.without_a_session()
    assert sent(model) == [[NAME], [ASK_NAME]]
    assert capsys.readouterr().out.count("sent to the model: 1 item (user)\n") == 2


async def test_with_a_session_the_stored_items_are_sent_too(
    lesson: ModuleType, model: ScriptedModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(SQLiteSession("s", tmp_path / "s.db")) as session:
        await lesson.with_a_session(session, lesson.INTRODUCTION)
    assert sent(model) == [[NAME], [NAME, REPLY, ASK_NAME]]
    assert rows(tmp_path / "s.db", "s") == [NAME, REPLY, ASK_NAME, REPLY]
    assert capsys.readouterr().out == (
        "User: My name is Alice.\nAssistant: Reply.\n  sent to the model: 1 item (user)\n"
        "User: What is my name?\nAssistant: Reply.\n"
        "  sent to the model: 3 items (user, assistant, user)\n"
        "  stored in the session: 4 items (user, assistant, user, assistant)\n"
    )


async def test_a_second_process_reads_the_file_and_not_the_memory(
    lesson: ModuleType, model: ScriptedModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db_path = tmp_path / "s.db"
    with closing(SQLiteSession(lesson.SESSION_ID, db_path)) as earlier_run:
        await earlier_run.add_items([{"role": "user", "content": "I work as a nurse."}])
    await lesson.memory_or_file(db_path)
    assert sent(model) == [[WORK], [WORK]]
    stored = rows(db_path, lesson.SESSION_ID)
    # The first process stored "Reply.", the second answered with the offline model.
    assert stored[:3] == [WORK, REPLY, ASK_WORK]
    assert len(stored) == 4 and "developer" in stored[3]
    printed = capsys.readouterr().out
    assert "  | found in memory: 0 items (none)\n" in printed
    assert "  | found in s.db: 2 items (user, assistant)\n" in printed
    assert "  |   sent to the model: 3 items (user, assistant, user)\n" in printed
    assert "\n  in memory: 2 items (user, assistant)\n  in s.db: 4 items" in printed


async def test_what_the_second_process_asks_the_model(
    lesson: ModuleType, model: ScriptedModel, tmp_path: Path
) -> None:
    with closing(SQLiteSession(lesson.SESSION_ID, tmp_path / "s.db")) as session:
        await session.add_items([{"role": "user", "content": "I work as a developer."}])
    await lesson.answer_from_file(tmp_path / "s.db")
    assert sent(model) == [[ASK_WORK], [WORK, ASK_WORK]]


async def test_a_failing_second_process_ends_the_lesson(
    lesson: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "not an address")
    with pytest.raises(SystemExit) as ended:
        await lesson.start_second_process(tmp_path / "s.db")
    assert ended.value.code == 1


@pytest.fixture
def started() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
def children(
    lesson: ModuleType, started: asyncio.Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[asyncio.subprocess.Process]:
    """The second processes that the lesson starts; each only sleeps."""
    children: list[asyncio.subprocess.Process] = []
    start = asyncio.create_subprocess_exec

    async def keep(*args: Any, **kwargs: Any) -> asyncio.subprocess.Process:
        children.append(await start(*args, **kwargs))
        started.set()
        return children[-1]

    (tmp_path / "sleep.py").write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setattr(lesson, "__file__", str(tmp_path / "sleep.py"))
    monkeypatch.setattr(asyncio, "create_subprocess_exec", keep)
    return children


async def test_a_second_process_that_hangs_is_killed(
    lesson: ModuleType,
    children: list[asyncio.subprocess.Process],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(lesson, "CHILD_SECONDS", 0.2)
    with pytest.raises(SystemExit, match=r"^No end after 0\.2 seconds: second process killed$"):
        await lesson.start_second_process(tmp_path / "s.db")
    assert [child.returncode is not None for child in children] == [True]


async def test_a_stopped_lesson_leaves_no_second_process(
    lesson: ModuleType,
    started: asyncio.Event,
    children: list[asyncio.subprocess.Process],
    tmp_path: Path,
) -> None:
    running = asyncio.create_task(lesson.start_second_process(tmp_path / "s.db"))
    await asyncio.wait_for(started.wait(), 30)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [child.returncode is not None for child in children] == [True]


async def test_by_hand_the_same_is_sent_as_with_a_session(
    lesson: ModuleType, model: ScriptedModel
) -> None:
    with closing(SQLiteSession("s")) as session:
        await lesson.with_a_session(session, lesson.BRIDGE)
    with_session = sent(model)
    await lesson.by_hand()
    assert [len(items) for items in with_session] == [1, 3, 5]
    assert sent(model)[3:] == with_session


@pytest.mark.parametrize(
    "server_managed",
    [
        {"previous_response_id": "resp_123"},
        {"conversation_id": "conv_123"},
        {"auto_previous_response_id": True},
    ],
    ids=str,
)
async def test_a_session_and_a_server_managed_history_exclude_each_other(
    lesson: ModuleType, model: ScriptedModel, server_managed: dict[str, Any]
) -> None:
    with closing(SQLiteSession("s")) as session:
        with pytest.raises(UserError, match="cannot be combined"):
            await Runner.run(lesson.agent, "Hello", session=session, **server_managed)
        assert await session.get_items() == []
    assert sent(model) == []


async def test_when_a_session_has_rows(lesson: ModuleType, tmp_path: Path) -> None:
    """What the README says of the first item, of a failed run and of a closed session."""
    lesson.agent.model = ScriptedModel([ValueError("no answer")])
    with closing(SQLiteSession("s", tmp_path / "s.db")) as session:
        with closing(sqlite3.connect(tmp_path / "s.db")) as db:
            assert db.execute("SELECT count(*) FROM agent_sessions").fetchone() == (0,)
        with pytest.raises(ValueError, match="no answer"):
            await Runner.run(lesson.agent, "Hello", session=session)
    assert sent(lesson.agent.model) == [["user: Hello"]]
    assert rows(tmp_path / "s.db", "s") == ["user: Hello"]
    with pytest.raises(RuntimeError, match="closed"):
        await session.get_items()


async def test_the_lesson_shows_that_refusal(
    lesson: ModuleType, model: ScriptedModel, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(SQLiteSession("s")) as session:
        await lesson.one_keeper_of_history(session)
    assert sent(model) == []
    assert "UserError: Session persistence cannot be combined with" in capsys.readouterr().out


def test_the_program(tmp_path: Path) -> None:
    printed = check_program(FOLDER, "basic_sessions.db", tmp_path)
    forgot, remembered = printed.split("With a session, ", 1)
    assert "Alice" not in forgot.split("User: What is my name?")[1]
    assert "Alice" in remembered.split("User: What is my name?")[1].split("\n")[1]
    for answer in ("San Francisco", "California", "Sacramento"):
        replies = [line for line in printed.splitlines() if line.startswith("Assistant: ")]
        assert sum(answer in reply for reply in replies) >= 2, "once with a session, once by hand"


def test_the_solution_proves_that_the_memory_is_in_the_file(
    lesson: ModuleType, tmp_path: Path
) -> None:
    prove = run_solution(FOLDER, lesson)["prove"]
    lesson.agent.model = model = recording_model()
    asyncio.run(prove(tmp_path))
    city, question = "user: I live in Oslo.", "user: Where do I live?"
    assert sent(model) == [[city], [question], [city, REPLY, question]]
    assert rows(tmp_path / "proof.db", "proof") == [question, REPLY]
    assert rows(tmp_path / "moved.db", "proof") == [city, REPLY, question, REPLY]
