"""Lesson 7.3: what the model was sent, then what is stored, then what is printed."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from agents import Runner, SessionSettings, SQLiteSession, TResponseInputItem
from agents.testing import ScriptedModel
from lesson_loader import (
    load_lesson,
    recording_model,
    rows,
    run_alone,
    run_blocks,
    run_twice_at_once,
    sent,
    short,
)
from loopback_server import LoopbackServer

FOLDER = "7_3_multi_sessions"
REPLY = "assistant: Reply."
NAME, ASK_NAME = "user: My name is Alice.", "user: What is my name?"
ORDER, ASK_ORDER = "user: My order is A-1001.", "user: What is my order?"
LAPTOP, ASK_LAPTOP = "user: My laptop is called Thunder.", "user: What is my laptop called?"
COLOR, ASK_COLOR = "user: My favorite color is green.", "user: What is my favorite color?"
OWN = {
    "user_123": ORDER,
    "user_456": "user: My order is A-1002.",
    "support_ticket_789": "user: My printer shows error 50.",
    "sales_inquiry_101": "user: I need ten laptops.",
    "chatbot_session": COLOR,
    "assistant_session": "user: My favorite color is blue.",
}
CARD = "4111 1111 1111 1111"
MASKED = "[card ending in 1111]"


@pytest.fixture
def lesson() -> ModuleType:
    return load_lesson(FOLDER)


@dataclass
class Ran:
    """The whole lesson, run once in this process: its model, its database file, its output."""

    model: ScriptedModel
    db_path: Path
    printed: str


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("lesson")
    lesson = load_lesson(FOLDER)
    lesson.agent.model = model = recording_model()
    lesson.TemporaryDirectory = lambda: contextlib.nullcontext(folder)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        asyncio.run(lesson.main())
    return Ran(model, folder / "conversations.db", printed.getvalue())


def test_in_one_session_the_second_user_gets_the_first_ones_items(ran: Ran) -> None:
    assert sent(ran.model)[:2] == [[ORDER], [ORDER, REPLY, ASK_ORDER]]
    assert "[user_456]   sent, call 2: user, assistant, user\n" in ran.printed


def test_a_session_each_keeps_them_apart(ran: Ran) -> None:
    requests = sent(ran.model)[2:9]
    assert requests == [*([text] for text in OWN.values()), [OWN["user_456"], REPLY, ASK_ORDER]]
    for session_id, text in OWN.items():
        asked = [ASK_ORDER, REPLY] if session_id == "user_456" else []
        assert rows(ran.db_path, session_id) == [text, REPLY, *asked]
        assert f"[{session_id}] {text.replace('user', 'User', 1)}\n" in ran.printed
    assert "  sessions with A-1001 in a row: [('user_123',)]\n" in ran.printed


def test_two_agents_share_the_items_and_not_the_instructions(ran: Ran) -> None:
    assert sent(ran.model)[9:11] == [[LAPTOP], [LAPTOP, REPLY, ASK_LAPTOP]]
    first, second = (call.system_instructions for call in ran.model.calls[9:11])
    assert first == "Reply concisely." and second == "You sell laptops. Reply concisely."
    assert "[sales_inquiry_101] Assistant: Reply.\n" in ran.printed
    assert "[sales_inquiry_101] Sales: Reply.\n" in ran.printed


def test_two_runs_at_once_do_not_see_each_other(ran: Ran) -> None:
    # Which of the two is first is a matter of time, and none of what the lesson shows.
    assert sorted(sent(ran.model)[11:13]) == [[NAME], [ASK_NAME]]
    at_once = ran.printed.split("Two runs in one session")[1]
    assert "\n  stored: user, user, assistant, assistant\n" in at_once.split("with a lock")[0]


def test_with_a_lock_one_whole_turn_follows_the_other(ran: Ran) -> None:
    assert sent(ran.model)[13:15] == [[NAME], [NAME, REPLY, ASK_NAME]]
    in_turn = ran.printed.split("with a lock")[1]
    assert "\n  stored: user, assistant, user, assistant\n" in in_turn.split("A session class")[0]


def test_a_session_class_of_our_own_is_used(ran: Ran) -> None:
    assert sent(ran.model)[15:] == [[COLOR], [COLOR, REPLY, ASK_COLOR]]
    own = ran.printed.split("A session class of our own")[1]
    assert "\n  stored: user, assistant, user, assistant\n" in own


def test_it_runs_in_a_folder_of_its_own_on_the_sdk_alone(ran: Ran, tmp_path: Path) -> None:
    with LoopbackServer() as server:
        done = run_alone(FOLDER, tmp_path, server.url)
    assert (done.returncode, done.stderr) == (0, "")
    asked = sorted(short(request.items[-1]) for request in server.requests)
    assert asked == sorted(request[-1] for request in sent(ran.model))


def test_two_at_once_print_the_same(tmp_path: Path) -> None:
    printed, other = run_twice_at_once(FOLDER, tmp_path)
    assert printed == other
    turns = [turn.splitlines() for turn in printed.split(" User: ")[1:]]
    replies = [(turn[0], turn[2]) for turn in turns if len(turn) > 2]
    own = [reply for question, reply in replies if question == "What is my order?"]
    assert "A-1001" in own[0], "in the shared session the second user is told the first one's order"
    assert "A-1002" in own[1] and "A-1001" not in own[1]
    assert "Thunder" in dict(replies)["What is my laptop called?"]
    assert "Alice" in dict(replies)["What is my name?"], "with the lock it is known"


# -- What the README adds -------------------------------------------------------------------


@pytest.fixture(scope="module")
def readme(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The names that the README's Python blocks define; its files are gone with a folder."""
    lesson = load_lesson(FOLDER)
    lesson.agent.model = recording_model()
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("readme"))
    try:
        return run_blocks(FOLDER, lesson)
    finally:
        os.chdir(before)


@pytest.fixture
def model(readme: dict[str, Any]) -> ScriptedModel:
    readme["agent"].model = model = recording_model()
    return model


async def test_the_locks_order_the_runs_of_a_session_and_are_forgotten(
    readme: dict[str, Any], model: ScriptedModel
) -> None:
    with closing(SQLiteSession("user_123")) as session:
        await asyncio.gather(*(readme["answer"](session, text[6:]) for text in (NAME, ASK_NAME)))
    assert sent(model) == [[NAME], [NAME, REPLY, ASK_NAME]]
    gc.collect()
    assert len(readme["locks"]) == 0


HOLD = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "lock.db")]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        yield process
        process.kill()


async def test_a_lock_file_is_free_when_the_process_that_holds_it_dies(
    readme: dict[str, Any], holder: subprocess.Popen[str], tmp_path: Path
) -> None:
    async def hold() -> None:
        async with readme["lock_file"](str(tmp_path / "lock.db")):
            pass

    waiting = asyncio.create_task(hold())
    done, _ = await asyncio.wait({waiting}, timeout=0.3)
    assert not done, "two hold the lock"
    holder.kill()
    await asyncio.wait_for(waiting, 30)


async def test_a_lock_file_that_cannot_be_made_is_an_error(readme: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="unable to open"):
        async with readme["lock_file"]("no-such-folder/lock.db"):
            pass


async def test_card_numbers_are_sent_once_and_never_stored(
    readme: dict[str, Any], model: ScriptedModel, tmp_path: Path
) -> None:
    limit = SessionSettings(limit=2)
    with closing(
        readme["MaskingSession"]("s", tmp_path / "s.db", session_settings=limit)
    ) as session:
        for text in (f"My card number is {CARD}.", "What is my card number?", "And now?"):
            await Runner.run(readme["agent"], text, session=session)
    masked, question = f"user: My card number is {MASKED}.", "user: What is my card number?"
    assert sent(model) == [
        [f"user: My card number is {CARD}."],
        [masked, REPLY, question],
        [question, REPLY, "user: And now?"],
    ]
    assert rows(tmp_path / "s.db", "s")[:3] == [masked, REPLY, question]
    assert CARD.encode() not in (tmp_path / "s.db").read_bytes()


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
def test_what_counts_as_a_card_number(
    readme: dict[str, Any], text: Any, masked: str | None
) -> None:
    expected = text if masked is None else masked
    result = readme["mask_cards"]({"content": [{"text": text}]})
    assert result == {"content": [{"text": expected}]}
    assert type(result["content"][0]["text"]) is type(expected)


def test_tool_calls_stay_valid_json_and_ids_stay_ids(readme: dict[str, Any]) -> None:
    mask_cards = readme["mask_cards"]
    call = {
        "type": "function_call",
        "id": "fc_4111111111111111",
        "call_id": "4111111111111111",
        "arguments": r'{"card":"\n4111111111111111","order_id":4111111111111111,"name":"\u00eb"}',
    }
    masked = mask_cards(call)
    assert json.loads(masked.pop("arguments")) == {
        "card": f"\n{MASKED}",
        "order_id": 4111111111111111,
        "name": "ë",
    }
    assert masked == {key: call[key] for key in masked} and len(masked) == 3
    for unchanged in ('{"order_id":20261123000123}', '{"arguments":{}}', "4111111111111111", "no"):
        assert mask_cards({"arguments": unchanged}) == {"arguments": unchanged}
    not_json = {"arguments": f"not JSON {CARD}"}
    assert mask_cards(not_json) == {"arguments": f"not JSON {MASKED}"}


async def test_the_settings_of_a_session_protect_a_pair_that_a_limit_cuts(
    lesson: ModuleType, readme: dict[str, Any], model: ScriptedModel
) -> None:
    class LastItem(lesson.ListSession):  # type: ignore[name-defined, misc]
        async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
            return [*await super().get_items(limit or 1)]

    call = {"type": "function_call", "call_id": "1", "name": "tool", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "1", "output": "done"}
    for settings in (SessionSettings(limit=1), None):
        session = LastItem("s")
        session.session_settings = settings
        await session.add_items([call, output])
        await Runner.run(readme["agent"], "Hello", session=session)
    assert sent(model) == [["user: Hello"], ["function_call_output", "user: Hello"]]


async def test_the_check_passes_a_session_in_a_file(readme: dict[str, Any], tmp_path: Path) -> None:
    await readme["check"](lambda session_id: SQLiteSession(session_id, tmp_path / "s.db"))
    await readme["check"](lambda session_id: readme["FileSession"](session_id, tmp_path))


class Faulty:
    """A session whose items stand in `store`, with one fault, or none."""

    session_settings = None

    def __init__(self, session_id: str, store: dict[str, list[Any]], fault: str) -> None:
        self.session_id = session_id
        self.fault = fault
        self.rows = store.setdefault("one" if fault == "shared" else session_id, [])
        if fault == "lost":
            self.rows = []

    async def get_items(self, limit: int | None = None) -> list[Any]:
        rows = self.rows if self.fault == "live" else copy.deepcopy(self.rows)
        if self.fault == "oldest first":
            return rows[:limit]
        if limit == 0 and self.fault == "limit 0 is none":
            return rows
        return rows if limit is None else rows[max(0, len(rows) - limit) :]

    async def add_items(self, items: list[Any]) -> None:
        if self.fault == "replaces":
            self.rows.clear()
        self.rows += copy.deepcopy(items)

    async def pop_item(self) -> Any:
        if not self.rows:
            return {} if self.fault == "pops nothing" else None
        return self.rows.pop(0 if self.fault == "pops the first" else -1)

    async def clear_session(self) -> None:
        if self.fault != "not cleared":
            self.rows.clear()


FAULTS = ["oldest first", "limit 0 is none", "replaces", "live", "shared", "lost"]
FAULTS += ["pops nothing", "pops the first", "not cleared"]


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_check_finds_each_fault(readme: dict[str, Any], fault: str) -> None:
    await readme["check"](partial(Faulty, store={}, fault=""))
    with pytest.raises(AssertionError):
        await readme["check"](partial(Faulty, store={}, fault=fault))
