"""One turn: what the model received, what was stored, what is reported; and its dry run."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest
from agents import Agent, RunContextWrapper, Runner, SQLiteSession, Usage
from agents.testing import ModelStep, ScriptedModel, assistant_message
from hypothesis import given, settings
from hypothesis import strategies as st
from lab_tools import asks_for_days, says, talk

from session_lab.code_view.agents import make_agent
from session_lab.history.items import (
    SUMMARY_REQUEST,
    assistant_item,
    fingerprint,
    text_of,
    user_item,
)
from session_lab.history.policies import POLICY_KINDS, MemoryPolicy
from session_lab.history.report import TurnReport
from session_lab.history.summaries import Summarizer
from session_lab.models.offline import OfflineModel
from session_lab.runs.turn import (
    RequestRecorder,
    TextDelta,
    ToolEvent,
    preview_request,
    run_turn,
)

EVERYTHING = MemoryPolicy()
QUESTION = "How many days from 2026-01-01 to 2026-01-03?"


async def run(
    session: SQLiteSession,
    model: Any,
    text: str | None = "hi",
    policy: MemoryPolicy = EVERYTHING,
    summarizer: Summarizer | None = None,
) -> tuple[list[TextDelta | ToolEvent], TurnReport]:
    agent = make_agent("Assistant", model)
    written = summarizer or Summarizer(says(*["summary"] * 20))
    report = TurnReport(agent=agent.name, policy=policy)
    shown = [event async for event in run_turn(session, agent, text, report, written)]
    return shown, report


async def filled(*items: Any) -> SQLiteSession:
    session = SQLiteSession("test")
    await session.add_items(list(items))
    return session


def with_usage(output: Sequence[Any], tokens_in: int, tokens_out: int) -> ModelStep:
    usage = Usage(requests=1, input_tokens=tokens_in, output_tokens=tokens_out)
    return ModelStep(output=list(output), usage=usage)


async def test_the_report_of_a_turn_with_a_tool() -> None:
    model = ScriptedModel(
        [
            with_usage([assistant_message("Let me count."), *asks_for_days()], 10, 4),
            with_usage([assistant_message("Two days.")], 20, 3),
        ]
    )
    session = await filled(*talk(1))
    shown, report = await run(session, model, QUESTION)
    assert [call.input for call in report.calls] == [call.input for call in model.calls]
    assert [call.instructions for call in report.calls] == [
        call.system_instructions for call in model.calls
    ]
    assert [len(call.input) for call in report.calls] == [3, 6]
    stored = await session.get_items()
    assert len(stored) == 7
    texts = [event.text if isinstance(event, TextDelta) else event.item for event in shown]
    tools = [item for item in texts if not isinstance(item, str)]
    assert "".join(text for text in texts if isinstance(text, str)) == "Let me count.Two days."
    assert list(map(fingerprint, tools)) == list(map(fingerprint, stored[4:6]))
    assert (report.input_tokens, report.output_tokens, report.estimated) == (30, 7, False)
    assert (report.agent, report.error) == ("Assistant", None) and report.seconds > 0


async def test_a_recorded_request_is_not_changed_by_what_comes_later() -> None:
    recorder, sent = RequestRecorder(), [user_item(QUESTION)]
    await recorder.on_llm_start(RunContextWrapper(None), Agent("Assistant"), None, sent)
    cast(Any, sent[0])["content"] = "Something else"
    sent.append(user_item("Later"))
    assert recorder.calls[0].input == [user_item(QUESTION)]


async def test_tokens_are_estimated_where_the_model_reports_none() -> None:
    _, report = await run(await filled(), says("An answer of some length."), "A question")
    assert report.estimated and report.input_tokens > 0 and report.output_tokens > 0
    _, offline = await run(await filled(), OfflineModel(), "My name is Alice.")
    assert offline.estimated and offline.input_tokens > 0 and offline.output_tokens > 0


async def test_a_failed_call_is_reported_with_what_was_sent_until_then() -> None:
    model = ScriptedModel([asks_for_days(), ValueError("the server\nis gone")])
    session = await filled()
    shown, report = await run(session, model, QUESTION)
    assert [call.input for call in report.calls] == [call.input for call in model.calls]
    assert report.error is not None and "is gone" in report.error
    kinds = [item.get("type", item.get("role")) for item in await session.get_items()]
    assert kinds == ["user", "function_call", "function_call_output"]
    assert [type(event) for event in shown] == [ToolEvent, ToolEvent]


async def test_a_retry_sends_the_stored_question_and_stores_only_the_reply() -> None:
    session = await filled(*talk(1), user_item("Anybody?"))
    model = says("Here.")
    _, report = await run(session, model, None)
    assert [text_of(item) for item in model.calls[0].input][-1] == "Anybody?"
    assert len(model.calls[0].input) == 3
    assert [text_of(item) for item in await session.get_items()][-2:] == ["Anybody?", "Here."]
    assert report.error is None


async def test_the_summarys_own_request_is_reported_and_its_tokens_are_counted() -> None:
    writer = Summarizer(ScriptedModel([with_usage([assistant_message("Short.")], 50, 5)]))
    model = ScriptedModel([with_usage([assistant_message("ok")], 10, 2)])
    session = await filled(*talk(3))
    _, report = await run(session, model, "hi", MemoryPolicy("Summary", 1), writer)
    [request] = report.summary_calls
    assert [text_of(item) for item in request.input] == [
        *(text_of(item) for item in talk(2)),
        SUMMARY_REQUEST,
    ]
    assert (report.input_tokens, report.output_tokens) == (60, 7)
    assert len(report.calls) == 1


async def test_a_summary_that_fails_is_reported_and_the_question_is_asked_once() -> None:
    broken = Summarizer(ScriptedModel([ValueError("no summary today")]))
    session = await filled(*talk(3))
    model = says("never asked")
    _, report = await run(session, model, "hi", MemoryPolicy("Summary", 1), broken)
    assert model.calls == () and report.error is not None and "no summary today" in report.error
    assert [text_of(item) for item in await session.get_items()].count("hi") <= 1


async def test_a_cancelled_turn_is_reported_and_the_sdk_has_ended() -> None:
    started = asyncio.Event()

    async def wait(_: Any) -> Any:
        started.set()
        await asyncio.sleep(3600)

    session = await filled()
    running = asyncio.create_task(run(session, ScriptedModel([ModelStep.respond(wait)]), "hi"))
    await started.wait()
    others = asyncio.all_tasks() - {asyncio.current_task(), running}
    assert others, "the SDK runs a task of its own"
    running.cancel()
    shown, report = await running
    assert (shown, report.error, len(report.calls)) == ([], "Stopped.", 1)
    assert not others & asyncio.all_tasks()
    assert await session.get_items() == [user_item("hi")]


async def test_what_is_being_written_is_stored_before_the_session_is_free() -> None:
    writing = asyncio.Event()

    class Slow(SQLiteSession):
        async def add_items(self, items: list[Any]) -> None:
            # Like the SDK's own: a write that has begun goes on, however often it is cancelled.
            writing.set()
            written = asyncio.create_task(self._write(items))
            cancelled = False
            while not written.done():
                try:
                    await asyncio.wait([written])
                except asyncio.CancelledError:
                    cancelled = True
            if cancelled:
                raise asyncio.CancelledError

        async def _write(self, items: list[Any]) -> None:
            await asyncio.sleep(0.05)
            await super().add_items(items)

    session = Slow("test")
    running = asyncio.create_task(run(session, says("never"), "hi"))
    await writing.wait()
    running.cancel()
    _, report = await running
    stored = await session.get_items()
    await asyncio.sleep(0.1)
    assert report.error == "Stopped." and stored == await session.get_items() == [user_item("hi")]


async def test_a_consumer_that_looks_away_ends_the_run() -> None:
    events = run_turn(
        await filled(),
        make_agent("Assistant", OfflineModel(0.01)),
        "My name is Alice.",
        TurnReport(agent="Assistant", policy=EVERYTHING),
        Summarizer(says()),
    )
    async for _ in events:
        break
    await events.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}


# -- preview equals recording ---------------------------------------------------------------


async def preview(
    session: SQLiteSession, text: str | None, policy: MemoryPolicy, summarizer: Summarizer
) -> Any:
    agent = make_agent("Assistant", ScriptedModel([]))
    return await preview_request(session, agent, text, policy, summarizer)


def call(number: int) -> Any:
    return {"type": "function_call", "call_id": f"c{number}", "name": "look", "arguments": "{}"}


def output(number: int) -> Any:
    return {"type": "function_call_output", "call_id": f"c{number}", "output": "seen"}


HISTORIES: dict[str, list[Any]] = {
    "empty": [],
    "a call without its output": [user_item("a"), call(1), assistant_item("b")],
    "an output without its call": [user_item("a"), output(1), assistant_item("b")],
    "two questions in a row": [user_item("a"), user_item("b")],
    "a seeded greeting": [assistant_item("welcome")],
    "a greeting, then turns": [assistant_item("welcome"), *talk(3)],
    "JSON that is no object": [user_item("a"), 7, None, "text", assistant_item("b")],
    "a tool turn": [*talk(2), user_item("a"), call(1), output(1), assistant_item("b")],
    "an unanswered tool turn": [*talk(2), user_item("a"), call(1), output(1)],
}


async def check_preview(history: list[Any], policy: MemoryPolicy, text: str | None) -> None:
    session = await filled(*history)
    summarizer = Summarizer(says("sum"))  # It can be asked once.
    model = says("reply")
    # A summary that is known is the one that will be sent; else the preview shows a note instead.
    await run(await filled(*history), says("x"), text, policy, summarizer)
    shown = await preview(session, text, policy, summarizer)
    assert await session.get_items() == history, "a preview stores nothing"
    _, report = await run(session, model, text, policy, summarizer)
    assert report.error is None
    assert shown == report.calls[0]
    assert shown.input == model.calls[0].input
    assert shown.instructions == model.calls[0].system_instructions


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("kind", POLICY_KINDS)
async def test_the_preview_is_what_is_sent(history: list[Any], n: int, kind: Any) -> None:
    await check_preview(history, MemoryPolicy(kind, n), "next")


@pytest.mark.parametrize("kind", POLICY_KINDS)
async def test_the_preview_of_a_retry_is_what_is_sent(kind: Any) -> None:
    await check_preview(HISTORIES["an unanswered tool turn"], MemoryPolicy(kind, 1), None)


items = st.one_of(
    st.text(max_size=5).map(user_item),
    st.text(max_size=5).map(assistant_item),
    st.integers(0, 3).map(call),
    st.integers(0, 3).map(output),
    st.sampled_from([None, 7, "text", {}, {"type": "reasoning", "id": "r", "summary": []}]),
)
policies = st.builds(MemoryPolicy, st.sampled_from(POLICY_KINDS), st.integers(1, 5))


@settings(max_examples=80, deadline=None)
@given(st.lists(items, max_size=12), policies, st.text(min_size=1, max_size=5))
def test_for_any_history_the_preview_is_what_is_sent(
    history: list[Any], policy: MemoryPolicy, text: str
) -> None:
    asyncio.run(check_preview(history, policy, text))


async def test_a_preview_calls_no_model_and_notes_a_missing_summary() -> None:
    session = await filled(*talk(3))
    shown = await preview(session, "next", MemoryPolicy("Summary", 1), Summarizer(says()))
    assert "A summary of these 4 items is written first." in text_of(shown.input[1])
    assert await Runner.run(Agent("A", model=says("x")), "x", session=session), "still usable"
