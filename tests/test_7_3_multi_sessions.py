"""Lesson 7.3: what the model was sent, what is stored and printed; then its README's classes."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from agents import RunConfig, Runner, SessionSettings, SQLiteSession
from agents.testing import (
    ModelCall,
    ModelStep,
    ScriptedModel,
    assistant_message,
    function_call,
)
from lesson_loader import (
    load_lesson,
    recording_model,
    run_alone,
    run_readme,
    said,
    sent,
    short,
)
from readme_checks import ROOT, blocks

FOLDER = "7_3_multi_sessions"
REPLY = "assistant: Reply."
NAME, ASK_NAME = "user: My name is Alice.", "user: What is my name?"
ORDER, ASK_ORDER = "user: My order is A-1001.", "user: What is my order?"
LAPTOP, ASK_LAPTOP = "user: My laptop is called Thunder.", "user: What is my laptop called?"
COLOR, ASK_COLOR = "user: My favorite color is green.", "user: What is my favorite color?"
OTHER_ORDER = "user: My order is A-1002."
OTHERS = ["user: My printer shows error 50.", "user: I need ten laptops.", COLOR]
OTHERS += ["user: My favorite color is blue."]
CARD = "4111 1111 1111 1111"
MASKED = "[card ending in 1111]"


def test_what_the_model_is_sent_in_a_folder_of_its_own(tmp_path: Path) -> None:
    ran = run_alone(FOLDER, tmp_path)
    assert ran.sent[:11] == [
        *([ORDER], [ORDER, said(1), ASK_ORDER]),  # two users in one session
        *([ORDER], [OTHER_ORDER], *([text] for text in OTHERS)),  # a session each
        [OTHER_ORDER, said(1), ASK_ORDER],
        *([LAPTOP], [LAPTOP, said(1), ASK_LAPTOP]),  # two agents
    ]
    # Which of two at once is first is a matter of time, and none of what the lesson shows.
    assert sorted(ran.sent[11:13]) == [[NAME], [ASK_NAME]]
    assert ran.sent[13:] == [
        *([NAME], [NAME, said(1), ASK_NAME]),  # the same with a lock
        *([COLOR], [COLOR, said(1), ASK_COLOR]),  # a session class of our own
    ]
    instructions = [request.body["instructions"] for request in ran.requests[9:11]]
    assert instructions == ["Reply concisely.", "You sell laptops. Reply concisely."]
    for line in (
        "[user_456]   sent, call 2: user, assistant, user",
        "[assistant_session] User: My favorite color is blue.",
        "  sessions with A-1001 in a row: [('user_123',)]",
        "[sales_inquiry_101] Assistant: I was sent 1 items.",
        "[sales_inquiry_101] Sales: I was sent 3 items.",
    ):
        assert f"{line}\n" in ran.printed
    stored = [line for line in ran.printed.splitlines() if line.startswith("  stored: ")]
    in_turn = "  stored: user, assistant, user, assistant"
    assert stored == ["  stored: user, user, assistant, assistant", in_turn, in_turn]


# -- What the README adds -------------------------------------------------------------------


@pytest.fixture(scope="module")
def readme(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The names that the README's Python blocks define; its files are gone with a folder."""
    lesson = load_lesson(FOLDER)
    lesson.agent.model = recording_model()
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("readme"))
    try:
        return run_readme(FOLDER, lesson)
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
        [stored, *_] = await session.get_items(limit=9)
    masked, question = f"user: My card number is {MASKED}.", "user: What is my card number?"
    assert sent(model) == [
        [f"user: My card number is {CARD}."],
        [masked, REPLY, question],
        [question, REPLY, "user: And now?"],
    ]
    assert short(stored) == masked
    assert CARD.encode() not in (tmp_path / "s.db").read_bytes()


GAPS = ("\u00a0", "\u202f", "\u2009", ".", "-", "\u2010", "\u2013", " \u2014 ", "\n", "\r\n")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (CARD, MASKED),
        ("4111-1111-1111-1111", MASKED),
        (f"no.4111111111111111, CVV 123, {CARD} 123", f"no.{MASKED}, CVV 123, {MASKED} 123"),
        ("3782 822463 10005", "[card ending in 0005]"),
        *((gap.join(["4111", "1111", "1111", "1111"]), MASKED) for gap in GAPS),
        *((gap.join(["3782", "822463", "10005"]), "[card ending in 0005]") for gap in GAPS),
        ("41 11 11 11 11 11 11 11", None),
        ("from 2026-01-31 to 2026-03-01", None),
        ("+49 30 1234567 or 1700000000000 ms", None),
        ("0.30000000000000004 or 0.4111111111111111", None),
        ("3782 822463 10005 1234", "[card ending in 0005] 1234"),
        ("4111 1111 1111 1112", None),
        ("invoice 20261123000123 or 2026112300012344", None),
        ("1795392000000000007 ns, 1795392000000006 us", None),
        ("DE89 3704 0044 0532 0130 00", None),
        ("fc_4111111111111111", None),
        (4111111111111111, None),
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
    readme: dict[str, Any], model: ScriptedModel
) -> None:
    class LastItem(readme["ListSession"]):  # type: ignore[misc]
        async def get_items(self, limit: int | None = None) -> list[Any]:
            return [*await super().get_items(limit or 1)]

    call = {"type": "function_call", "call_id": "1", "name": "tool", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "1", "output": "done"}
    for settings in (SessionSettings(limit=1), None):
        session = LastItem("s")
        session.session_settings = settings
        await session.add_items([call, output])
        await Runner.run(readme["agent"], "Hello", session=session)
    assert sent(model) == [["user: Hello"], ["function_call_output", "user: Hello"]]


async def test_facts_are_their_user_s_and_a_newer_one_replaces_an_older(
    readme: dict[str, Any],
) -> None:
    def told(kind: str, value: str) -> list[Any]:
        return [function_call("remember", {"kind": kind, "value": value}, call_id="1")]

    readme["facts"].execute("DELETE FROM facts")
    reply = [assistant_message("Reply.")]
    long = "Rome" + " Oslo" * 20
    model = ScriptedModel([told("city", "Oslo"), reply, told("city", long), *[reply] * 3])
    config = RunConfig(model=model)
    with closing(SQLiteSession("old")) as old, closing(SQLiteSession("new")) as new:
        for text in ("I live in Oslo.", "I moved to Rome."):
            await Runner.run(readme["helper"], text, session=old, context="ann", run_config=config)
        await Runner.run(readme["helper"], "Hi", session=new, context="ann", run_config=config)
        await Runner.run(readme["helper"], "Hi", session=old, context="bob", run_config=config)
        assert "Oslo" in str(await old.get_items()) and len(await new.get_items()) == 2
    cities = [re.findall("Oslo|Rome", str(call.system_instructions)) for call in model.calls]
    cut = ["Rome", *["Oslo"] * 7]  # 40 characters at most
    assert cities == [[], ["Oslo"], ["Oslo"], cut, cut, []]
    assert [short(item) for item in model.calls[4].input] == ["user: Hi"]


async def test_conversations_are_listed_by_user_newest_first(
    readme: dict[str, Any], tmp_path: Path
) -> None:
    with closing(readme["open_chats"](str(tmp_path / "c.db"))) as database:
        for number, (chat, user) in enumerate([("1", "ann"), ("2", "bob"), ("3", "ann")]):
            readme["note"](database, chat, user, f"{number} " + "long " * 20)
        readme["note"](database, "1", "ann", "Not the title")
        listed = readme["chats_of"](database, "ann")
    assert [chat for chat, _ in listed] == ["1", "3"]
    assert [title[:6] for _, title in listed] == ["0 long", "2 long"]
    assert all(len(title) <= 40 for _, title in listed)


async def chats_with(readme: dict[str, Any], path: Path, texts: dict[str, str]) -> Any:
    """An open table of one conversation for each user, stored by sessions that stay open."""
    database = readme["open_chats"](str(path))
    for user, text in texts.items():
        session = SQLiteSession(f"{user}:1", path)
        await session.add_items([{"role": "user", "content": text}])
        readme["note"](database, f"{user}:1", user, text)
    return database


def in_files(path: Path, text: str) -> bool:
    """Whether a text is in the database or in the files beside it."""
    return any(text.encode() in file.read_bytes() for file in path.parent.glob(f"{path.name}*"))


async def test_a_deleted_user_is_in_no_file_and_others_are_as_they_were(
    readme: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "c.db"
    texts = {"ann": "Secret " * 2000, "bob": "Mine", "eve": "Eve"}
    with closing(await chats_with(readme, path, texts)) as database:
        assert in_files(path, "Secret")
        readme["delete_chats"](database, "user = ?", "ann")
        assert not in_files(path, "Secret") and not in_files(path, "ann:1")
        for table in ("agent_messages", "agent_sessions", "chats"):
            rows = database.execute(f"SELECT session_id FROM {table} ORDER BY 1").fetchall()
            assert rows == [("bob:1",), ("eve:1",)]


async def test_without_secure_delete_a_deleted_text_stays_in_the_file(tmp_path: Path) -> None:
    session = SQLiteSession("s", tmp_path / "s.db")
    await session.add_items([{"role": "user", "content": "Secret " * 2000}])
    session.close()
    with closing(sqlite3.connect(tmp_path / "s.db")) as database:
        database.execute("PRAGMA secure_delete = OFF")
        with database:
            database.execute("DELETE FROM agent_messages")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert in_files(tmp_path / "s.db", "Secret")


async def test_only_what_is_older_expires(readme: dict[str, Any], tmp_path: Path) -> None:
    texts = {"ann": "Old", "bob": "New"}
    with closing(await chats_with(readme, tmp_path / "c.db", texts)) as database:
        with database:
            database.execute("UPDATE chats SET used = used - 100 WHERE user = 'ann'")
        readme["delete_chats"](database, "used < ?", time.time() - 50)
        assert [readme["chats_of"](database, user) for user in texts] == [[], [("bob:1", "New")]]


async def test_a_reader_that_keeps_deleted_text_in_the_wal_is_told(
    readme: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "c.db"
    with closing(await chats_with(readme, path, {"ann": "Secret"})) as database:
        database.execute("PRAGMA busy_timeout = 0")
        with closing(sqlite3.connect(path)) as reader:
            rows = reader.execute("SELECT * FROM agent_messages UNION ALL SELECT 1, 2, 3, 4")
            assert rows.fetchone()
            with pytest.raises(TimeoutError, match="-wal"):
                readme["delete_chats"](database, "user = ?", "ann")
        assert readme["chats_of"](database, "ann") == []


async def test_a_run_that_is_under_way_stores_its_reply_after_a_deletion(
    readme: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "c.db"
    with (
        closing(await chats_with(readme, path, {"ann": "Hi"})) as database,
        closing(SQLiteSession("ann:1", path)) as session,
    ):

        def delete(call: ModelCall) -> Any:
            readme["delete_chats"](database, "user = ?", "ann")
            return [assistant_message("Reply.")]

        readme["agent"].model = ScriptedModel([ModelStep.respond(delete)])
        await Runner.run(readme["agent"], "Hello", session=session)
        assert [short(item) for item in await session.get_items()] == [REPLY]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("rows[start:]", "rows[:limit]"),  # the oldest
        ("max(0, len(rows) - limit)", "-limit"),  # a limit of 0 is none
        ("json.loads(row)", "live.setdefault(row, json.loads(row))"),
        ('open("a")', 'open("w")'),
        ("return None", "return {}"),
        ("rows[-1]", "rows[0]"),
        ("unlink(missing_ok=True)", "exists()"),
        ("quote(session_id, safe='')", "'one'"),
    ],
)
async def test_the_check_finds_each_fault_of_the_solution(
    readme: dict[str, Any], right: str, wrong: str, tmp_path: Path
) -> None:
    await readme["check"](lambda session_id: SQLiteSession(session_id, tmp_path / "s.db"))
    texts = [block.text for block in blocks(ROOT / FOLDER / "README.md")]
    text = next(text for text in texts if "class FileSession" in text and "for kind in" in text)
    source = text[text.index("class FileSession") : text.index("for kind in")]
    names = {**readme, "live": {}}
    exec(source.replace(right, wrong), names)
    with pytest.raises(AssertionError):
        await names["check"](lambda session_id: names["FileSession"](session_id, tmp_path))
