"""Lesson 7.3: what the model was sent, then what is stored, then what is printed."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from agents import RunConfig, Runner, SessionSettings, SQLiteSession, TResponseInputItem
from agents.memory import Session
from agents.testing import ScriptedModel
from lesson_loader import check_program, load_lesson, recording_model, rows, run_solution, sent

FOLDER = "7_3_multi_sessions"
REPLY = "assistant: Reply."
NAME, ASK_NAME = "user: My name is Alice.", "user: What is my name?"
ORDER, ASK_ORDER = "user: My order is A-1001.", "user: What is my order?"
CARD = "4111 1111 1111 1111"
MASKED = "[card ending in 1111]"


@pytest.fixture
def lesson() -> ModuleType:
    return load_lesson(FOLDER)


@pytest.fixture
def model(lesson: ModuleType) -> ScriptedModel:
    lesson.support_agent.model = lesson.sales_agent.model = model = recording_model()
    return model


@pytest.fixture
async def session(tmp_path: Path) -> AsyncIterator[SQLiteSession]:
    with closing(SQLiteSession("s", tmp_path / "s.db")) as opened:
        yield opened


async def test_in_one_session_the_second_user_gets_the_first_ones_items(
    lesson: ModuleType,
    model: ScriptedModel,
    session: SQLiteSession,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await lesson.one_session_for_two_users(session)
    assert sent(model) == [[ORDER], [ORDER, REPLY, ASK_ORDER]]
    assert "3 items (user, assistant, user); A-1001 is in it\n" in capsys.readouterr().out


async def test_a_session_each_keeps_them_apart(
    lesson: ModuleType, model: ScriptedModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db_path = tmp_path / "s.db"
    for _ in range(2):  # The second time the sessions are not empty, and the outcome is the same.
        await lesson.one_session_each(db_path)
        own = {key: f"user: {text}" for key, text in lesson.MESSAGES.items()}
        requests = sent(model)[-7:]
        assert sorted(requests[:6]) == sorted([text] for text in own.values())
        assert requests[6] == [own["user_456"], REPLY, ASK_ORDER]
        for session_id, text in own.items():
            asked = [ASK_ORDER, REPLY] if session_id == "user_456" else []
            assert rows(db_path, session_id) == [text, REPLY, *asked]
        printed = capsys.readouterr().out
        assert "A-1001 is not in it\n" in printed
        assert "  sessions with A-1001 in their rows: ['user_123']\n" in printed
        assert "  sessions with A-1002 in their rows: ['user_456']\n" in printed


async def test_two_agents_share_the_items_and_not_the_instructions(
    lesson: ModuleType, model: ScriptedModel, session: SQLiteSession
) -> None:
    await lesson.two_agents_one_session(session)
    told, question = "user: My laptop is called Thunder.", "user: What is my laptop called?"
    assert sent(model) == [[told], [told, REPLY, question]]
    instructions = [call.system_instructions for call in model.calls]
    assert instructions == [lesson.SUPPORT, lesson.SALES]
    stored = json.dumps(await session.get_items())
    assert "Support" not in stored and "Sales" not in stored, "an item names no agent"


class SlowSecondRun(SQLiteSession):
    """Time enough for the first run to go on before the second has read or stored anything."""

    reads = writes = 0

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        self.reads += 1
        await asyncio.sleep(0.3 if self.reads == 2 else 0)
        return await super().get_items(limit)

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        self.writes += 1
        await asyncio.sleep(0.3 if self.writes == 2 else 0)
        await super().add_items(items)


@pytest.mark.parametrize("kind", [SQLiteSession, SlowSecondRun])
async def test_two_runs_at_once_do_not_see_each_other(
    lesson: ModuleType,
    model: ScriptedModel,
    kind: type[SQLiteSession],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with closing(kind("s", tmp_path / "s.db")) as session:
        await lesson.two_runs_at_once(session)
    assert sorted(sent(model)) == [[NAME], [ASK_NAME]]
    stored = rows(tmp_path / "s.db", "s")
    assert sorted(stored[:2]) == [NAME, ASK_NAME] and stored[2:] == [REPLY, REPLY]
    assert "User: What is my name?\nSupport: Reply.\n  sent: 1 item (user); Alice is not in it" in (
        capsys.readouterr().out
    )


async def test_with_a_lock_one_whole_turn_follows_the_other(
    lesson: ModuleType, model: ScriptedModel, session: SQLiteSession
) -> None:
    await lesson.two_runs_in_turn(session)
    assert sent(model) == [[NAME], [NAME, REPLY, ASK_NAME]]
    assert rows(Path(session.db_path), "s") == [NAME, REPLY, ASK_NAME, REPLY]


async def test_a_lock_is_one_for_a_session_and_forgotten_after_use(lesson: ModuleType) -> None:
    locks = lesson.SessionLocks()
    async with locks["a"]:
        gc.collect()
        assert locks["a"].locked() and locks["a"] is locks["a"]
        assert not locks["b"].locked()
        waiting = asyncio.create_task(locks["a"].acquire())
        await asyncio.sleep(0)
        assert not waiting.done()
    assert await waiting
    del waiting
    gc.collect()
    assert list(locks._locks) == []


async def test_card_numbers_are_sent_once_and_never_stored(
    lesson: ModuleType,
    model: ScriptedModel,
    session: SQLiteSession,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await lesson.mask_what_is_stored(session)
    masked, question = f"user: My card number is {MASKED}.", "user: What is my card number?"
    assert sent(model) == [[f"user: My card number is {CARD}."], [masked, REPLY, question]]
    assert rows(Path(session.db_path), "s") == [masked, REPLY, question, REPLY]
    for file in Path(session.db_path).parent.iterdir():
        assert CARD.encode() not in file.read_bytes(), f"{file.name} holds the number"
    printed = capsys.readouterr().out
    assert f"  sessions with {CARD} in their rows: []\n" in printed
    assert f"  sessions with {MASKED} in their rows: ['s']\n" in printed


async def test_the_masking_session_is_a_session_in_every_respect(
    lesson: ModuleType, model: ScriptedModel
) -> None:
    settings = SessionSettings(limit=2)
    with closing(SQLiteSession("s", session_settings=settings)) as wrapped:
        masking = lesson.MaskingSession(wrapped)
        assert isinstance(masking, Session)
        assert (masking.session_id, masking.session_settings) == ("s", settings)
        for text in ("One.", "Two.", "Three."):
            await Runner.run(lesson.support_agent, text, session=masking)
        assert sent(model)[-1] == ["user: Two.", REPLY, "user: Three."], "the limit was not kept"
        config = RunConfig(session_settings=SessionSettings(limit=4))
        await Runner.run(lesson.support_agent, "Four.", session=masking, run_config=config)
        assert len(sent(model)[-1]) == 5, "a run's own limit was not kept"
        assert len(await masking.get_items(limit=100)) == 8
        last: Any = await masking.pop_item()
        assert last["role"] == "assistant"
        await masking.clear_session()
        assert await masking.pop_item() is None
        assert await wrapped.get_items() == []


async def test_the_masking_session_sends_no_half_of_a_tool_pair(
    lesson: ModuleType, model: ScriptedModel
) -> None:
    with closing(SQLiteSession("s", session_settings=SessionSettings(limit=1))) as wrapped:
        masking = lesson.MaskingSession(wrapped)
        call = {"type": "function_call", "call_id": "1", "name": "tool", "arguments": "{}"}
        output = {"type": "function_call_output", "call_id": "1", "output": "done"}
        await masking.add_items([call, output])
        await Runner.run(lesson.support_agent, "Hello", session=masking)
        masking.session_settings = None
        await masking.clear_session()
        await masking.add_items([call, output])
        await Runner.run(lesson.support_agent, "Hello", session=masking)
    without_settings = ["function_call_output", "user: Hello"]
    assert sent(model) == [["user: Hello"], without_settings], "the settings are what protects"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (CARD, MASKED),
        ("4111-1111-1111-1111", MASKED),
        ("4111111111111111", MASKED),
        (f"no.4111111111111111, CVV 123, {CARD} 123", f"no.{MASKED}, CVV 123, {MASKED} 123"),
        ("3782 822463 10005", "[card ending in 0005]"),
        ("378282246310005", "[card ending in 0005]"),
        ("from 2026-01-31 to 2026-03-01", None),
        ("+49 30 1234567 or 1700000000000 ms", None),
        ("0.30000000000000004 or 0.4111111111111111", None),
        ("order A-1001", None),
        (f"{CARD} 1226", f"{MASKED} 1226"),
        ("3782 822463 10005 1234", "[card ending in 0005] 1234"),
        ("Card:\n4111111111111111", f"Card:\n{MASKED}"),
        ("4111 1111 1111 1112", None),
        ("invoice 20261123000123 or 2026112300012344", None),
        ("1795392000000000007 ns, 1795392000000006 us", None),
        ("DE89 3704 0044 0532 0130 00", None),
        ("fc_4111111111111111", None),
        (20261123000123, None),
        (4111111111111111, None),
        (True, None),
        (None, None),
        (2.5, None),
    ],
)
def test_what_counts_as_a_card_number(lesson: ModuleType, text: Any, masked: str | None) -> None:
    expected = text if masked is None else masked
    result = lesson.mask_cards({"content": [{"text": text}]})
    assert result == {"content": [{"text": expected}]}
    assert type(result["content"][0]["text"]) is type(expected)


def test_tool_calls_stay_valid_json_and_ids_stay_ids(lesson: ModuleType) -> None:
    call = {
        "type": "function_call",
        "id": "fc_4111111111111111",
        "call_id": "4111111111111111",
        "arguments": r'{"card":"\n4111111111111111","order_id":4111111111111111,"name":"\u00eb"}',
    }
    masked = lesson.mask_item(call)
    assert json.loads(masked.pop("arguments")) == {
        "card": f"\n{MASKED}",
        "order_id": 4111111111111111,
        "name": "ë",
    }
    assert masked == {key: call[key] for key in masked} and len(masked) == 3
    for unchanged in ('{"order_id":20261123000123}', '{"arguments":{}}', "4111111111111111", "no"):
        assert lesson.mask_item({"arguments": unchanged}) == {"arguments": unchanged}
    not_json = {"arguments": f"not JSON {CARD}"}
    assert lesson.mask_item(not_json) == {"arguments": f"not JSON {MASKED}"}


def test_the_program(tmp_path: Path) -> None:
    printed = check_program(FOLDER, "multi_sessions.db", tmp_path)
    replies = [(turn.splitlines()[0], turn.splitlines()[1]) for turn in printed.split("User: ")[1:]]
    own = [reply for question, reply in replies if question == "What is my order?"]
    assert "A-1001" in own[0], "in the shared session the second user is told the first one's order"
    assert "A-1002" in own[1] and "A-1001" not in own[1]
    assert "Sales: " in printed and "Thunder" in dict(replies)["What is my laptop called?"]
    assert CARD not in dict(replies)["What is my card number?"]


def test_the_solution_shows_the_isolation_from_the_rows(lesson: ModuleType, tmp_path: Path) -> None:
    show = run_solution(FOLDER, lesson)["show"]
    lesson.support_agent.model = model = recording_model()
    found = asyncio.run(show(tmp_path / "s.db"))
    assert sent(model)[-1] == ["user: My order is A-1002.", REPLY, ASK_ORDER]
    assert rows(tmp_path / "s.db", "user_123") == [ORDER, REPLY]
    assert found == ["user_123"]
