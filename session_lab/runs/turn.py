"""Run one turn, streamed, and report what was sent and what it cost."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

from agents import (
    Agent,
    ModelResponse,
    RunContextWrapper,
    RunHooks,
    Runner,
    Usage,
)
from agents.memory import Session
from agents.stream_events import RunItemStreamEvent, StreamEvent
from agents.testing import ScriptedModel, assistant_message

from session_lab.history.items import Item, kind
from session_lab.history.policies import MemoryPolicy
from session_lab.history.report import ModelCall, TurnReport
from session_lab.history.summaries import Summarizer
from session_lab.models.errors import explain_error, quote
from session_lab.models.offline import OfflineModel, estimate_tokens
from session_lab.models.servers import api_of
from session_lab.store.database import CatalogError

STOPPED = "Stopped."


class RequestRecorder(RunHooks[Any]):
    """Keeps the exact input of every model call: `on_llm_start` comes last before the request."""

    def __init__(self) -> None:
        self.calls: list[ModelCall] = []
        self.usage = Usage()

    async def on_llm_end(
        self, context: RunContextWrapper[Any], agent: Agent[Any], response: ModelResponse
    ) -> None:
        self.usage.add(response.usage)

    async def on_llm_start(
        self,
        context: RunContextWrapper[Any],
        agent: Agent[Any],
        system_prompt: str | None,
        input_items: list[Item],
    ) -> None:
        sent = copy.deepcopy(input_items)
        self.calls.append(ModelCall(agent=agent.name, instructions=system_prompt, input=sent))


async def run_turn(
    session: Session,
    agent: Agent[Any],
    text: str | None,
    report: TurnReport,
    summarizer: Summarizer,
) -> AsyncGenerator[str | Item, None]:
    """Send `text` to the agent under the report's policy and yield the reply as it is written.

    What is yielded is more text of it, or a tool call or its output, as it will be stored.

    `text` None asks again what is stored without an answer: a run with an empty input list sends
    the history and stores only the reply. The requests and their cost are noted in `report` when
    the run has ended. Why it failed or that it was cancelled stands in `report.error`; then the SDK
    has stored the question, if the request got as far as the model.
    """
    started = time.perf_counter()
    recorder, summaries = RequestRecorder(), RequestRecorder()
    written: list[str | Item] = []
    try:
        summarize = partial(summarizer.write, hooks=summaries)
        config = await report.policy.run_config(
            session, summarize, retry=text is None, api=api_of(agent.model)
        )
        message: str | list[Item] = [] if text is None else text
        result = Runner.run_streamed(
            agent, message, session=session, run_config=config, hooks=recorder
        )
        stream = cast(AsyncGenerator[StreamEvent, None], result.stream_events())
        try:
            async for event in stream:
                if (shown := _shown(event)) is not None:
                    written.append(shown)
                    yield shown
        finally:
            # A cancelled consumer would leave the SDK's own task running, and that may still store
            # items: the session is free only when it has ended.
            result.cancel()
            await stream.aclose()
            if result.run_loop_task is not None:
                await asyncio.wait([result.run_loop_task])
    except asyncio.CancelledError:
        # Somebody stopped the run. What was sent and stored until then is reported all the same.
        report.error = STOPPED
    except Exception as error:
        # The page shows what went wrong; whatever was stored stays.
        report.error = error_line(error)
    report.calls, report.summary_calls = recorder.calls, summaries.calls
    report.seconds = time.perf_counter() - started
    _count_tokens(report, agent, recorder.usage, written)
    report.input_tokens += summaries.usage.input_tokens
    report.output_tokens += summaries.usage.output_tokens


def error_line(error: BaseException) -> str:
    """What went wrong, in one line for a person."""
    if isinstance(error, CatalogError):
        return str(error)
    return explain_error(error) or quote(f"{type(error).__name__}: {error}")


def _shown(event: StreamEvent) -> str | Item | None:
    if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
        return event.data.delta
    if isinstance(event, RunItemStreamEvent) and event.name in ("tool_called", "tool_output"):
        return event.item.to_input_item()
    return None


def _count_tokens(
    report: TurnReport, agent: Agent[Any], usage: Usage, written: Sequence[str | Item]
) -> None:
    """The model's own count, or an estimate where it gave none, as after a failed call."""
    report.input_tokens, report.output_tokens = usage.input_tokens, usage.output_tokens
    report.estimated = isinstance(agent.model, OfflineModel)
    if report.input_tokens == 0:
        report.input_tokens = sum(estimate_tokens(call.input) for call in report.calls)
        text = "".join(each for each in written if isinstance(each, str))
        calls = [each for each in written if kind(each) == "tool call"]
        report.output_tokens = estimate_tokens(text) + estimate_tokens(calls)
        report.estimated = True


class _ReadOnly:
    """A session of which a dry run stores nothing: a run calls no other method that writes."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    async def add_items(self, items: list[Item]) -> None:
        return None


async def preview_request(
    session: Session,
    agent: Agent[Any],
    text: str | None,
    policy: MemoryPolicy,
    summarizer: Summarizer,
) -> ModelCall:
    """What would be sent if `text` were sent now: a dry run of the SDK that only records.

    Nothing is stored and no model is called: a summary that is not yet written shows as a note.
    """
    recorder = RequestRecorder()
    silent = agent.clone(model=ScriptedModel([[assistant_message("")]]))
    config = await policy.run_config(
        session, summarizer.preview, retry=text is None, api=api_of(agent.model)
    )
    config = replace(config, tracing_disabled=True)
    message: str | list[Item] = [] if text is None else text
    unchanged = cast(Session, _ReadOnly(session))
    await Runner.run(silent, message, session=unchanged, run_config=config, hooks=recorder)
    return recorder.calls[0]
