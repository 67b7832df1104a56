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
from lesson_loader import (
    load_lesson,
    recording_model,
    rows,
    run_alone,
    run_solution,
    run_twice_at_once,
    sent,
    short,
)
from loopback_server import LoopbackServer

FOLDER = "7_1_basic_sessions"
NAME, ASK_NAME = "user: My name is Alice.", "user: What is my name?"
WORK, ASK_WORK = "user: I work as a developer.", "user: What do I do for work?"
CITY = "user: What city is the Golden Gate Bridge in?"
STATE, CAPITAL = "user: What state is it in?", "user: What is the capital of that state?"
REPLY = "assistant: Reply."


def said(items: int) -> str:
    """The loopback server's reply to a request with so many items."""
    return f"assistant: I was sent {items} items."


@pytest.fixture
def lesson() -> ModuleType:
    return load_lesson(FOLDER)


@pytest.fixture
def model(lesson: ModuleType) -> ScriptedModel:
    lesson.agent.model = recording_model()
    assert isinstance(lesson.agent.model, ScriptedModel)
    return lesson.agent.model


def test_what_the_model_is_sent_in_a_folder_of_its_own(tmp_path: Path) -> None:
    with LoopbackServer() as server:
        done = run_alone(FOLDER, tmp_path, server.url)
    assert (done.returncode, done.stderr) == (0, "")
    requests = [[short(item) for item in request.items] for request in server.requests]
    bridge = [[CITY], [CITY, said(1), STATE], [CITY, said(1), STATE, said(3), CAPITAL]]
    assert requests == [
        *([NAME], [ASK_NAME]),  # without a session
        *([NAME], [NAME, said(1), ASK_NAME]),  # with one
        *([ASK_NAME], [NAME, said(1), ASK_NAME, said(3), ASK_NAME]),
        [ASK_NAME],  # a second object in memory
        *([WORK], [WORK, said(1), ASK_WORK]),  # the file; the second is of the second process
        [STATE],
        *bridge,  # with a session
        *bridge,  # by hand
    ]
    shown = [
        line.split(": ")[1].split(", ") for line in done.stdout.splitlines() if "  sent" in line
    ]
    assert [[text.split(":")[0] for text in request] for request in requests[4:]] == shown


async def test_a_second_process_reads_the_file(
    lesson: ModuleType, model: ScriptedModel, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    await lesson.file_and_second_process(tmp_path / "s.db")
    assert sent(model) == [[WORK]]
    # The first process stored "Reply.", the second answered with the offline model.
    stored = rows(tmp_path / "s.db", "user_123")
    assert stored[:3] == [WORK, REPLY, ASK_WORK]
    assert len(stored) == 4 and "developer" in stored[3]
    printed = capfd.readouterr().out
    assert "  sent, call 1: user, assistant, user\n" in printed
    assert "The first finds 4 items now.\n" in printed


async def test_a_failing_second_process_ends_the_lesson_with_one_line(
    lesson: ModuleType,
    model: ScriptedModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "not an address")
    with pytest.raises(SystemExit) as ended:
        await lesson.file_and_second_process(tmp_path / "s.db")
    assert ended.value.code == 1
    assert capfd.readouterr().err.count("\n") == 1


def test_two_at_once_print_the_same(tmp_path: Path) -> None:
    printed, other = run_twice_at_once(FOLDER, tmp_path)
    assert printed == other
    forgot, remembered = printed.split("with a session:", 1)
    assert "Alice" not in forgot.split("User: What is my name?")[1]
    assert "Alice" in remembered.split("User: What is my name?")[1].split("\n")[1]
    for answer in ("San Francisco", "California", "Sacramento"):
        replies = [line for line in printed.splitlines() if line.startswith("Assistant: ")]
        assert sum(answer in reply for reply in replies) >= 2, "once with a session, once by hand"


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
