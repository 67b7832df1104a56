"""Summaries: what the model is asked, and what is remembered of its answers."""

import asyncio
from typing import Any

import pytest
from agents import ModelBehaviorError
from agents.testing import ModelStep, ScriptedModel, assistant_message
from policy_tools import HISTORY, call, output, texts, tool_turn

from session_lab.history.items import SUMMARY_REQUEST, user_item
from session_lab.history.summaries import INSTRUCTIONS, Summarizer


def writer(*summaries: str) -> ScriptedModel:
    return ScriptedModel([[assistant_message(summary)] for summary in summaries])


async def test_a_summary_is_asked_for_once_and_then_known() -> None:
    model = writer("short")
    summarizer = Summarizer(model)
    assert summarizer.cached(HISTORY) is None
    assert await summarizer.preview(HISTORY) == "(A summary of these 12 items is written first.)"
    for _ in range(2):
        assert await summarizer.write(HISTORY) == "short"
    [request] = model.calls
    assert texts(request.input) == [*texts(HISTORY), SUMMARY_REQUEST]
    assert request.system_instructions == INSTRUCTIONS
    assert summarizer.cached(HISTORY) == await summarizer.preview(HISTORY) == "short"
    with_ids = [{**item, "id": "new"} for item in HISTORY]
    assert summarizer.cached(with_ids) == "short", "IDs that a server gave do not matter"
    for others in ([user_item("changed"), *HISTORY[1:]], HISTORY[:-1], []):
        assert summarizer.cached(others) is None


async def test_a_known_summary_stands_for_the_items_it_covers() -> None:
    model = writer("of one turn", "of three turns")
    summarizer = Summarizer(model)
    await summarizer.write(HISTORY[:4])
    assert await summarizer.write(HISTORY) == "of three turns"
    start = [SUMMARY_REQUEST, "of one turn"]
    assert texts(model.calls[1].input) == [*start, *texts(HISTORY[4:]), SUMMARY_REQUEST]


async def test_the_writer_is_sent_no_half_of_a_tool_call() -> None:
    model = writer("short")
    broken: list[Any] = [user_item("a"), call("lost"), output("stray"), 7, None, "text"]
    await Summarizer(model).write([*broken, *tool_turn(1)])
    assert texts(model.calls[0].input) == ["a", *texts(tool_turn(1)), SUMMARY_REQUEST]


async def test_callers_at_once_share_one_request_and_one_may_give_up() -> None:
    asked = asyncio.Event()

    async def never(_: Any) -> Any:
        asked.set()
        await asyncio.Event().wait()

    summarizer = Summarizer(ScriptedModel([ModelStep.respond(never), [assistant_message("short")]]))
    first, *others = (asyncio.create_task(summarizer.write(HISTORY)) for _ in range(5))
    await asked.wait()
    first.cancel()
    assert await asyncio.gather(*others) == ["short"] * 4, "the model has one more answer"


@pytest.mark.parametrize("failure", [RuntimeError("the server is away"), []])
async def test_a_failure_is_raised_and_not_remembered(failure: Any) -> None:
    summarizer = Summarizer(ScriptedModel([failure, [assistant_message("short")]]))
    with pytest.raises((RuntimeError, ModelBehaviorError)):
        await summarizer.write(HISTORY)
    assert summarizer.cached(HISTORY) is None
    assert await summarizer.write(HISTORY) == "short"


async def test_the_oldest_summaries_make_room() -> None:
    summarizer = Summarizer(writer("1", "2", "3"), max_entries=2)
    for number in (1, 2, 3):
        await summarizer.write(tool_turn(number))
    assert [summarizer.cached(tool_turn(number)) for number in (1, 2, 3)] == [None, "2", "3"]
