"""One turn: what the model received, what was stored, what is reported; and its dry run."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest
from agents import Agent, RunContextWrapper, SQLiteSession, Usage
from agents.testing import ModelStep, ScriptedModel, assistant_message
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lab_tools import EVERYTHING, asks_for_days, says, talk
from policy_tools import call, filled, output, texts

from session_lab.code_view.agents import make_agent
from session_lab.history.items import SUMMARY_REQUEST, assistant_item, fingerprint, kind, user_item
from session_lab.history.policies import POLICY_KINDS, MemoryPolicy
from session_lab.history.report import TurnReport
from session_lab.history.summaries import Summarizer
from session_lab.models.offline import OfflineModel
from session_lab.runs.turn import RequestRecorder, preview_request, run_turn

QUESTION = "How many days from 2026-01-01 to 2026-01-03?"


async def run(
    session: SQLiteSession,
    model: Any,
    text: str | None = "hi",
    policy: MemoryPolicy = EVERYTHING,
    summarizer: Summarizer | None = None,
) -> tuple[str, list[Any], TurnReport]:
    """The text and the tool items that were shown, and the report."""
    report = TurnReport(agent="Assistant", policy=policy)
    written = summarizer or Summarizer(says(*["summary"] * 20))
    agent = make_agent("Assistant", model)
    events = [event async for event in run_turn(session, agent, text, report, written)]
    deltas = [event for event in events if isinstance(event, str)]
    tools = [event for event in events if not isinstance(event, str)]
    return "".join(deltas), tools, report


def with_usage(output: Sequence[Any], tokens_in: int, tokens_out: int) -> ModelStep:
    usage = Usage(requests=1, input_tokens=tokens_in, output_tokens=tokens_out)
    return ModelStep(output=list(output), usage=usage)


@pytest.mark.parametrize("fails", [False, True])
async def test_a_turn_with_a_tool_reports_what_was_sent_stored_and_used(fails: bool) -> None:
    last: Any = with_usage([assistant_message("Two days.")], 20, 3)
    first = with_usage([assistant_message("Let me count."), *asks_for_days()], 10, 4)
    model = ScriptedModel([first, ValueError("the server\nis gone") if fails else last])
    session = await filled(talk(1))
    shown, tools, report = await run(session, model, QUESTION)
    sent = [(call.input, call.system_instructions) for call in model.calls]
    assert [(call.input, call.instructions) for call in report.calls] == sent
    assert [len(call.input) for call in report.calls] == [3, 6]
    stored = await session.get_items()
    kinds = ["user", "assistant", "tool call", "tool output", "assistant"]
    assert list(map(kind, stored[2:])) == kinds[: 4 if fails else 5]
    assert list(map(fingerprint, tools)) == list(map(fingerprint, stored[4:6]))
    assert shown == "Let me count." + "Two days." * (not fails)
    assert ("is gone" in str(report.error)) == fails and report.seconds > 0
    used = (10, 4) if fails else (30, 7)
    assert (report.input_tokens, report.output_tokens, report.estimated) == (*used, False)


async def test_a_recorded_request_is_not_changed_by_what_comes_later() -> None:
    recorder, sent = RequestRecorder(), [user_item(QUESTION)]
    await recorder.on_llm_start(RunContextWrapper(None), Agent("Assistant"), None, sent)
    cast(Any, sent[0])["content"] = "Something else"
    assert recorder.calls[0].input == [user_item(QUESTION)]


@pytest.mark.parametrize("model", [says("An answer."), OfflineModel()], ids=["silent", "offline"])
async def test_tokens_are_estimated_where_the_model_does_not_count_them(model: Any) -> None:
    *_, report = await run(await filled([]), model, "My name is Alice.")
    assert report.estimated and report.input_tokens > 0 and report.output_tokens > 0


async def test_a_summarys_own_request_is_reported_and_its_tokens_are_counted() -> None:
    writer = Summarizer(ScriptedModel([with_usage([assistant_message("Short.")], 50, 5)]))
    model = ScriptedModel([with_usage([assistant_message("ok")], 10, 2)])
    session = await filled(talk(3))
    *_, report = await run(session, model, "hi", MemoryPolicy("Summary", 1), writer)
    [request] = report.summary_calls
    assert texts(request.input) == [*texts(talk(2)), SUMMARY_REQUEST]
    assert (report.input_tokens, report.output_tokens, len(report.calls)) == (60, 7, 1)


async def test_a_summary_that_fails_is_reported_and_the_question_is_not_asked() -> None:
    broken, model = Summarizer(ScriptedModel([ValueError("no summary today")])), says("never")
    session = await filled(talk(3))
    *_, report = await run(session, model, "hi", MemoryPolicy("Summary", 1), broken)
    assert model.calls == () and "no summary today" in str(report.error)
    assert texts(await session.get_items()).count("hi") <= 1


async def test_a_cancelled_run_ends_when_the_sdk_has_stored_what_it_was_storing() -> None:
    writing, may_end = asyncio.Event(), asyncio.Event()

    class Slow(SQLiteSession):
        async def add_items(self, items: list[Any]) -> None:
            # Like the SDK's own: a write that has begun goes on, however often it is cancelled.
            writing.set()
            written = asyncio.create_task(self.write(items))
            cancelled = False
            while not written.done():
                try:
                    await asyncio.wait([written])
                except asyncio.CancelledError:
                    cancelled = True
            if cancelled:
                raise asyncio.CancelledError

        async def write(self, items: list[Any]) -> None:
            await may_end.wait()
            await super().add_items(items)

    session = Slow("test")
    running = asyncio.create_task(run(session, says("never"), "hi"))
    await writing.wait()
    running.cancel()
    done, _ = await asyncio.wait([running], timeout=0.1)
    assert not done, "the session is not free yet"
    may_end.set()
    shown, tools, report = await running
    assert (shown, tools, report.error) == ("", [], "Stopped.")
    assert await session.get_items() == [user_item("hi")]
    assert asyncio.all_tasks() == {asyncio.current_task()}


# -- preview equals recording ---------------------------------------------------------------


async def preview(
    session: SQLiteSession, text: str | None, policy: MemoryPolicy, summarizer: Summarizer
) -> Any:
    agent = make_agent("Assistant", ScriptedModel([]))
    return await preview_request(session, agent, text, policy, summarizer)


items = st.one_of(
    st.text(max_size=5).map(user_item),
    st.text(max_size=5).map(assistant_item),
    st.sampled_from("0123").map(call),
    st.sampled_from("0123").map(output),
    st.sampled_from([None, 7, "text", {}, {"type": "reasoning", "id": "r", "summary": []}]),
)
policies = st.builds(MemoryPolicy, st.sampled_from(POLICY_KINDS), st.integers(1, 5))


@settings(max_examples=60)
@given(st.lists(items, max_size=12), policies, st.none() | st.text(min_size=1, max_size=5))
@example([*talk(1), user_item("asked again")], MemoryPolicy("Last N items", 1), None)
def test_for_any_history_the_preview_is_what_is_sent(
    history: list[Any], policy: MemoryPolicy, text: str | None
) -> None:
    async def check() -> None:
        session, model = await filled(history), says("reply")
        summarizer = Summarizer(says("sum"))  # It can be asked once.
        # A summary that is known will be sent; else the preview shows a note instead.
        await run(await filled(history), says("x"), text, policy, summarizer)
        shown = await preview(session, text, policy, summarizer)
        assert await session.get_items() == history, "a preview stores nothing"
        *_, report = await run(session, model, text, policy, summarizer)
        assert report.error is None
        assert shown == report.calls[0]
        assert shown.input == model.calls[0].input
        assert shown.instructions == model.calls[0].system_instructions

    asyncio.run(check())


async def test_a_preview_calls_no_model_and_notes_a_missing_summary() -> None:
    session = await filled(talk(3))
    shown = await preview(session, "next", MemoryPolicy("Summary", 1), Summarizer(says()))
    assert "A summary of these 4 items is written first." in texts(shown.input)[1]
