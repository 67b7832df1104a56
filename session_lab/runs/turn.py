"""Run one turn, streamed, and report what was stored, what was sent and what it cost."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

from agents import (
    Agent,
    ModelResponse,
    RunContextWrapper,
    RunHooks,
    Runner,
    RunResultStreaming,
    Usage,
)
from agents.memory import Session
from agents.stream_events import RunItemStreamEvent, StreamEvent
from agents.testing import ScriptedModel, assistant_message

from session_lab.history.items import Item, kind
from session_lab.history.policies import MemoryPolicy
from session_lab.history.summaries import Summarizer
from session_lab.models.errors import explain_error, redacted
from session_lab.models.offline import OfflineModel, estimate_tokens
from session_lab.store.catalog import CatalogError

STOPPED = "Stopped."
WINDOW = 200
"""How many of the newest stored items a report holds, so that a long session stays fast."""


@dataclass(frozen=True)
class ModelCall:
    """One request to the model, as the SDK sent it."""

    agent: str
    instructions: str | None
    input: list[Item]


@dataclass(frozen=True)
class TextDelta:
    """More text of the reply that is being written."""

    text: str


@dataclass(frozen=True)
class ToolEvent:
    """A tool call, or the output of one, as it will be stored."""

    item: Item


@dataclass
class TurnReport:
    """What one turn did.

    `stored_before` holds the newest `WINDOW` of the `count_before` items that the session held.
    `text` is None for a retry, which stores no question. Tokens are the model's own count, or an
    estimate if `estimated`.
    """

    text: str | None
    agent: str
    policy: MemoryPolicy
    count_before: int
    stored_before: list[Item]
    stored: list[Item] = field(default_factory=list)
    calls: list[ModelCall] = field(default_factory=list)
    summary_calls: list[ModelCall] = field(default_factory=list)
    """The summary's own requests, under the policy `Summary`. Their tokens are counted too."""
    input_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False
    seconds: float = 0.0
    error: str | None = None

    def facts(self) -> dict[str, Any]:
        """What is kept beside the items: a label for the reply, also after a restart."""
        return {
            "agent": self.agent,
            "memory": str(self.policy),
            "items_stored": len(self.stored),
            "model_calls": len(self.calls) + len(self.summary_calls),
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "estimated": self.estimated,
            "seconds": round(self.seconds, 2),
        }


TurnEvent = TextDelta | ToolEvent | TurnReport


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
        self.calls.append(ModelCall(agent.name, system_prompt, copy.deepcopy(input_items)))


async def run_turn(
    session: Session,
    agent: Agent[Any],
    text: str | None,
    policy: MemoryPolicy,
    summarizer: Summarizer,
    count_before: int,
) -> AsyncIterator[TurnEvent]:
    """Send `text` to the agent and yield the reply as it is written, then a `TurnReport`.

    `text` None asks again what is stored without an answer: a run with an empty input list sends
    the history and stores only the reply. A run that failed or was cancelled is reported in
    `TurnReport.error`; then the SDK has stored the question, if the request got as far as the
    model.
    """
    started = time.perf_counter()
    report = TurnReport(text, agent.name, policy, count_before, [])
    recorder, summaries = RequestRecorder(), RequestRecorder()
    result: RunResultStreaming | None = None
    written: list[TextDelta | ToolEvent] = []
    try:
        report.stored_before = await session.get_items(limit=min(WINDOW, max(count_before, 1)))
        summarize = partial(summarizer.write, hooks=summaries)
        config = await policy.run_config(session, summarize, retry=text is None)
        message: str | list[Item] = [] if text is None else text
        result = Runner.run_streamed(
            agent, message, session=session, run_config=config, hooks=recorder
        )
        async with aclosing(_events(result)) as events:
            async for event in events:
                written.append(event)
                yield event
    except asyncio.CancelledError:
        # Somebody stopped the run. What was sent and stored until then is reported all the same.
        report.error = STOPPED
    except Exception as error:
        # The page shows what went wrong; whatever was stored stays.
        report.error = error_line(error)
    report.calls, report.summary_calls = recorder.calls, summaries.calls
    report.seconds = time.perf_counter() - started
    _count_tokens(report, agent, result, written)
    report.input_tokens += summaries.usage.input_tokens
    report.output_tokens += summaries.usage.output_tokens
    yield report


def error_line(error: BaseException) -> str:
    """What went wrong, in one line for a person."""
    if isinstance(error, CatalogError):
        return str(error)
    return explain_error(error) or redacted(f"{type(error).__name__}: {error}")


async def _events(result: RunResultStreaming) -> AsyncGenerator[TextDelta | ToolEvent, None]:
    stream = cast(AsyncGenerator[StreamEvent, None], result.stream_events())
    try:
        async for event in stream:
            if (shown := _shown(event)) is not None:
                yield shown
    finally:
        # A cancelled consumer would leave the SDK's own task running, and that may still store
        # items: the session is free only when it has ended.
        result.cancel()
        await stream.aclose()
        if result.run_loop_task is not None:
            await asyncio.wait([result.run_loop_task])


def _shown(event: StreamEvent) -> TextDelta | ToolEvent | None:
    if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
        return TextDelta(event.data.delta)
    if isinstance(event, RunItemStreamEvent) and event.name in ("tool_called", "tool_output"):
        return ToolEvent(event.item.to_input_item())
    return None


def _count_tokens(
    report: TurnReport,
    agent: Agent[Any],
    result: RunResultStreaming | None,
    written: Sequence[TextDelta | ToolEvent],
) -> None:
    """The model's own count, or an estimate where it gave none, as after a failed call."""
    usage = result.context_wrapper.usage if result is not None else Usage()
    report.input_tokens, report.output_tokens = usage.input_tokens, usage.output_tokens
    report.estimated = isinstance(agent.model, OfflineModel)
    if report.input_tokens == 0:
        report.input_tokens = sum(estimate_tokens(call.input) for call in report.calls)
        text = "".join(event.text for event in written if isinstance(event, TextDelta))
        made = [event.item for event in written if isinstance(event, ToolEvent)]
        calls = [item for item in made if kind(item) == "tool call"]
        report.output_tokens = estimate_tokens(text) + estimate_tokens(calls)
        report.estimated = True


class _ReadOnly:
    """The SDK's `Session` protocol over a session that a dry run must not change."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.session_id = session.session_id
        self.session_settings = session.session_settings

    async def get_items(self, limit: int | None = None) -> list[Item]:
        return await self._session.get_items(limit)

    async def add_items(self, items: list[Item]) -> None:
        return None

    async def pop_item(self) -> Item | None:
        return None

    async def clear_session(self) -> None:
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
    config = await policy.run_config(session, summarizer.preview, retry=text is None)
    config = replace(config, tracing_disabled=True)
    message: str | list[Item] = [] if text is None else text
    await Runner.run(silent, message, session=_ReadOnly(session), run_config=config, hooks=recorder)
    return recorder.calls[0]
