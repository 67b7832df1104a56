"""The table "What a run leaves" of lesson 7.2: its rows are read from there and reproduced here."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from agents import (
    Agent,
    GuardrailFunctionOutput,
    InputGuardrailTripwireTriggered,
    MaxTurnsExceeded,
    OutputGuardrailTripwireTriggered,
    Runner,
    RunResultStreaming,
    RunState,
    SQLiteSession,
    UserError,
    function_tool,
    input_guardrail,
    output_guardrail,
)
from agents.memory import Session
from agents.models.fake_id import FAKE_RESPONSES_ID
from agents.testing import ScriptedModel, assistant_message, function_call
from lesson_loader import load_lesson
from readme_checks import ROOT

from session_lab.history.items import text_of
from session_lab.history.rules import diagnose

LESSON = "7_2_memory_operations"
REPLY = [assistant_message("Her name is Ann.", item_id=FAKE_RESPONSES_ID)]
DOWN = RuntimeError("no network")
TRIPPED = GuardrailFunctionOutput(output_info=None, tripwire_triggered=True)
DELETED: list[str] = []


def table() -> list[list[str]]:
    """The three cells of each row."""
    text = (ROOT / LESSON / "README.md").read_text(encoding="utf-8")
    section = text.partition("### What a run leaves\n")[2].partition("\n### ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def stored_in_this_version(cell: str) -> list[str]:
    """ "a, b (before SDK 0.24: a)" -> ["a", "b"], but ["a"] in SDK 0.23.1."""
    found = re.fullmatch(r"([^(]+?)(?: \(before SDK 0\.(\d+): (.+)\))?", cell)
    assert found is not None, cell
    names, minor, before = found.groups()
    if minor and int(version("openai-agents").split(".")[1]) < int(minor):
        names = before
    return [] if names == "nothing" else names.split(", ")


# --- What a run is made of -----------------------------------------------------------------------


@function_tool
async def look_up() -> str:
    """Look the name up."""
    return "Ann"


@function_tool
async def fail() -> str:
    """Fail, and tell the model."""
    raise ValueError("no such table")


@function_tool(failure_error_function=None)
async def fail_aloud() -> str:
    """Fail, and end the run."""
    raise ValueError("no such table")


@function_tool(needs_approval=True)
async def delete_all() -> str:
    """Delete everything."""
    DELETED.append("all")
    return "deleted"


@input_guardrail
async def block_message(*_: Any) -> GuardrailFunctionOutput:
    return TRIPPED


@output_guardrail
async def block_reply(*_: Any) -> GuardrailFunctionOutput:
    return TRIPPED


def calls(*tools: str) -> list[Any]:
    return [
        function_call(name, {}, call_id=str(number), item_id=FAKE_RESPONSES_ID)
        for number, name in enumerate(tools)
    ]


class Halting(ScriptedModel):
    """Stops in the middle of each text that it streams, until `go_on` is set."""

    def __init__(self, steps: Any) -> None:
        super().__init__(steps)
        self.go_on = asyncio.Event()

    async def stream_response(self, *request: Any, **named: Any) -> Any:
        async for event in super().stream_response(*request, **named):
            yield event
            if event.type == "response.output_text.delta":
                await self.go_on.wait()


class Waiting(ScriptedModel):
    """Says that it is asked, and never answers."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()

    async def get_response(self, *_: Any, **__: Any) -> Any:
        self.asked.set()
        await asyncio.Event().wait()


def assistant(model: ScriptedModel, **settings: Any) -> Agent:
    tools = [look_up, fail, fail_aloud, delete_all]
    return Agent(name="Assistant", model=model, tools=tools, **settings)


# --- What happens --------------------------------------------------------------------------------

Happens = Callable[[SQLiteSession], Awaitable[Any]]


def run(*steps: Any, raises: Any = None, turns: int = 9, **settings: Any) -> Happens:
    """One run, whole and streamed; both store the same."""

    async def happens(session: SQLiteSession) -> Any:
        agent = assistant(ScriptedModel(steps), **settings)
        streamed, result = SQLiteSession("streamed"), None
        with pytest.raises(raises) if raises else nullcontext():
            result = await Runner.run(agent, "Who?", session=session, max_turns=turns)
        agent.model = ScriptedModel(steps)
        stream = Runner.run_streamed(agent, "Who?", session=streamed, max_turns=turns)
        with pytest.raises(raises) if raises else nullcontext():
            async for _ in stream.stream_events():
                pass
        assert kinds(await streamed.get_items()) == kinds(await session.get_items())
        return result

    return happens


async def cancel_task(session: SQLiteSession) -> None:
    model = Waiting()
    task = asyncio.ensure_future(Runner.run(assistant(model), "Who?", session=session))
    await model.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def cancel_at_first(session: SQLiteSession) -> None:
    result = Runner.run_streamed(assistant(ScriptedModel([REPLY])), "Who?", session=session)
    result.cancel()
    assert [event async for event in result.stream_events()] == []


def cancel(at: str, *steps: Any, mode: Any = "immediate") -> Happens:
    """Cancel at the first event with this name or type, and read on."""

    async def happens(session: SQLiteSession) -> None:
        model = Halting(steps)
        result = Runner.run_streamed(assistant(model), "Who?", session=session)
        async for event in result.stream_events():
            if at in (getattr(event, "name", ""), getattr(getattr(event, "data", 0), "type", "")):
                result.cancel(mode=mode)
                model.go_on.set()

    return happens


async def abandon(model: Halting, session: Session) -> RunResultStreaming:
    result = Runner.run_streamed(assistant(model), "Who?", session=session)
    async for event in result.stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            break
    return result


async def abandon_and_go_on(session: SQLiteSession) -> None:
    model = Halting([REPLY])
    result = await abandon(model, session)
    assert kinds(await session.get_items()) == ["user"]
    model.go_on.set()
    assert result.run_loop_task is not None
    await result.run_loop_task


async def abandon_and_end(session: SQLiteSession) -> None:
    async def program() -> None:
        await abandon(Halting([REPLY]), session)

    await asyncio.to_thread(lambda: asyncio.run(program()))


DELTA = "response.output_text.delta"
TWO = calls("look_up", "look_up")
HAPPENS: dict[str, Happens] = {
    "success": run(REPLY),
    "success, two tools called at once": run(TWO, REPLY),
    "a tool raises; by default the model is told": run(calls("fail"), REPLY),
    "a tool with `failure_error_function=None` raises": run(calls("fail_aloud"), raises=UserError),
    "one of two tools raises so": run(calls("look_up", "fail_aloud"), raises=UserError),
    "the model fails": run(DOWN, raises=RuntimeError),
    "the model fails after a tool call": run(calls("look_up"), DOWN, raises=RuntimeError),
    "the model fails after two tools called at once": run(TWO, DOWN, raises=RuntimeError),
    "`MaxTurnsExceeded` after a tool call": run(calls("look_up"), raises=MaxTurnsExceeded, turns=1),
    "an input guardrail blocks the message": run(
        REPLY, raises=InputGuardrailTripwireTriggered, input_guardrails=[block_message]
    ),
    "an output guardrail blocks the reply": run(
        REPLY, raises=OutputGuardrailTripwireTriggered, output_guardrails=[block_reply]
    ),
    "its task is cancelled, as by `asyncio.wait_for`": cancel_task,
    "`cancel()` before the first event of a stream": cancel_at_first,
    "`cancel()` in the middle of a reply": cancel(DELTA, REPLY),
    '`cancel(mode="after_turn")` in the middle of a reply': cancel(DELTA, REPLY, mode="after_turn"),
    '`cancel(mode="after_turn")` at a tool call': cancel(
        "tool_called", calls("look_up"), mode="after_turn"
    ),
    "a stream is not read to its end; the program goes on": abandon_and_go_on,
    "a stream is not read to its end; the program ends": abandon_and_end,
    "an approval is waited for": run(calls("delete_all")),
}


# --- What is stored, and what helps --------------------------------------------------------------


def kinds(items: Any) -> list[str]:
    return [str(item.get("role") or item["type"]) for item in items]


async def copy_of(session: SQLiteSession) -> SQLiteSession:
    copy = SQLiteSession("copy")
    await copy.add_items(await session.get_items())
    return copy


def assert_whole(items: Any) -> None:
    """One turn, asked once and answered, in which nothing is missing."""
    assert kinds(items)[0] == "user" and kinds(items)[-1] == "assistant"
    assert kinds(items).count("user") == 1
    assert diagnose(items) == []


async def retry(session: SQLiteSession) -> None:
    await Runner.run(assistant(ScriptedModel([REPLY])), [], session=session)
    assert_whole(await session.get_items())


async def undo(session: SQLiteSession) -> None:
    await load_lesson(LESSON).undo_turn(session)
    assert await session.get_items() == []


def test_every_row_is_reproduced() -> None:
    assert [row[0] for row in table()] == list(HAPPENS)


@pytest.mark.parametrize(("what", "stored", "then"), table())
async def test_what_a_run_leaves(what: str, stored: str, then: str, tmp_path: Path) -> None:
    session = SQLiteSession("a", tmp_path / "a.db")
    result = await HAPPENS[what](session)
    items = await session.get_items()
    assert kinds(items) == stored_in_this_version(stored)
    assert [text_of(item) for item in items if item.get("role") == "user"] == ["Who?"][: len(items)]
    if then == "go on":
        assert_whole(items)
    elif then == "ask again":
        await Runner.run(assistant(ScriptedModel([REPLY])), "Who?", session=session)
        assert_whole(await session.get_items())
    elif then == "undo or retry":
        assert [finding.rule for finding in diagnose(items)] == ["turn"], "an answer is missing"
        await undo(await copy_of(session))
        await retry(await copy_of(session))
    elif then == "undo":
        agent = assistant(ScriptedModel(), input_guardrails=[block_message])
        with pytest.raises(InputGuardrailTripwireTriggered):
            await Runner.run(agent, [], session=await copy_of(session))
        await undo(session)
    else:
        assert then == "approve or undo"
        await undo(await copy_of(session))
        state = result.to_state()
        state.approve(result.interruptions[0])
        result.last_agent.model = ScriptedModel([REPLY])
        await Runner.run(result.last_agent, state, session=session)
        assert_whole(await session.get_items())
    session.close()


@pytest.mark.parametrize("reads", ["the newest message", "the whole history"])
async def test_a_blocked_message_stays(reads: str) -> None:
    """It is sent with every later message; a guardrail that reads all of its input blocks those."""

    @input_guardrail
    async def no_secrets(_: Any, __: Any, items: Any) -> GuardrailFunctionOutput:
        read = str(items[-1] if reads == "the newest message" else items)
        return GuardrailFunctionOutput(output_info=None, tripwire_triggered="secret" in read)

    session, model = SQLiteSession("a"), ScriptedModel([REPLY])
    agent = assistant(model, input_guardrails=[no_secrets])
    with pytest.raises(InputGuardrailTripwireTriggered):
        await Runner.run(agent, "A secret", session=session)
    if reads == "the newest message":
        await Runner.run(agent, "Who?", session=session)
        assert [text_of(item) for item in model.calls[-1].input] == ["A secret", "Who?"]
    else:
        with pytest.raises(InputGuardrailTripwireTriggered):
            await Runner.run(agent, "Who?", session=session)


# --- An approval that waits ----------------------------------------------------------------------


async def waiting(*later: Any) -> tuple[SQLiteSession, Agent, str]:
    """A session in which a run waits, its agent, and the run's state as text."""
    session = SQLiteSession("a")
    agent = assistant(ScriptedModel([calls("delete_all"), *later]))
    result = await Runner.run(agent, "Who?", session=session)
    return session, agent, result.to_state().to_string()


async def approve(agent: Agent, text: str, session: SQLiteSession | None) -> None:
    state = await RunState.from_string(agent, text)
    state.approve(state.get_interruptions()[0])
    await Runner.run(agent, state, session=session)


async def test_a_run_resumed_without_its_session_stores_nothing() -> None:
    session, agent, text = await waiting(REPLY)
    await approve(agent, text, None)
    assert kinds(await session.get_items()) == ["user", "function_call"]


async def test_a_run_resumed_twice_runs_its_tool_twice() -> None:
    session, agent, text = await waiting(REPLY, REPLY)
    DELETED.clear()
    for _ in range(2):
        await approve(agent, text, session)
    assert DELETED == ["all", "all"]
    assert kinds(await session.get_items()).count("function_call_output") == 2


async def test_a_message_meanwhile_stands_between_the_call_and_its_output() -> None:
    session, agent, text = await waiting(REPLY, REPLY)
    await Runner.run(agent, "Hello?", session=session)
    await approve(agent, text, session)
    expected = ["user", "function_call", "user", "assistant", "function_call_output", "assistant"]
    assert kinds(await session.get_items()) == expected


async def test_the_state_of_a_run_holds_the_conversation() -> None:
    assert "Who?" in (await waiting())[2]
