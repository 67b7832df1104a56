"""What each policy sends, seen by a model that records; and the summaries of one of them."""

import asyncio
from typing import Any

import pytest
from agents import Agent, ModelBehaviorError, Runner
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call
from policy_tools import (
    HISTORY,
    ListSession,
    call,
    filled,
    no_summary,
    output,
    send,
    texts,
    tool_turn,
)

from session_lab.history.items import SUMMARY_REQUEST, assistant_item, user_item
from session_lab.history.policies import (
    POLICY_KINDS,
    MemoryPolicy,
)
from session_lab.history.summaries import INSTRUCTIONS, Summarizer
from session_lab.models.offline import OfflineModel


def test_n_is_at_least_one() -> None:
    with pytest.raises(ValueError, match="1 or more"):
        MemoryPolicy("Last N items", 0)


@pytest.mark.parametrize(
    ("policy", "name"),
    [
        (MemoryPolicy("Everything"), "Everything"),
        (MemoryPolicy("Last N items", 6), "Last 6 items"),
        (MemoryPolicy("Last N items", 1), "Last item"),
        (MemoryPolicy("Last N turns", 3), "Last 3 turns"),
        (MemoryPolicy("Last N turns", 1), "Last turn"),
        (MemoryPolicy("Summary", 2), "Summary"),
    ],
)
def test_a_policy_reads_as_a_person_would_say_it(policy: MemoryPolicy, name: str) -> None:
    assert str(policy) == name


async def test_everything_sends_everything() -> None:
    [sent] = await send(await filled(HISTORY), MemoryPolicy("Everything"), summarize=no_summary)
    assert texts(sent) == [*texts(HISTORY), "new question"]


@pytest.mark.parametrize("n", [1, 2, 3, 5, 12, 50])
async def test_last_n_items_sends_n_items_but_no_half_of_a_tool_call(n: int) -> None:
    policy = MemoryPolicy("Last N items", n)
    [sent] = await send(await filled(HISTORY), policy, summarize=no_summary)
    kept = HISTORY[-n:]
    if kept[0]["type" if "type" in kept[0] else "role"] == "function_call_output":
        kept = kept[1:]
    assert texts(sent) == [*texts(kept), "new question"]


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("session_type", ["sqlite", "list"])
async def test_last_n_turns_sends_whole_turns(n: int, session_type: str) -> None:
    session = await filled(HISTORY) if session_type == "sqlite" else ListSession(HISTORY)
    [sent] = await send(session, MemoryPolicy("Last N turns", n), summarize=no_summary)
    assert texts(sent) == [*texts(HISTORY[-4 * n :]), "new question"]


async def test_a_seeded_greeting_is_a_turn_of_its_own() -> None:
    history = [assistant_item("welcome"), *tool_turn(1)]
    [sent] = await send(await filled(history), MemoryPolicy("Last N turns", 1))
    assert texts(sent) == [*texts(tool_turn(1)), "new question"]
    [sent] = await send(await filled(history), MemoryPolicy("Last N turns", 2))
    assert texts(sent) == [*texts(history), "new question"]


async def test_last_n_turns_of_a_long_session_reads_only_its_end() -> None:
    class Counting(ListSession):
        read = 0

        async def get_items(self, limit: int | None = None) -> list[Any]:
            items = await super().get_items(limit)
            self.read += len(items)
            return items

    session = Counting([item for number in range(2000) for item in tool_turn(number)])
    [sent] = await send(session, MemoryPolicy("Last N turns", 3))
    assert texts(sent)[0] == "question 1997" and len(sent) == 13
    assert session.read < 100


async def test_a_turn_longer_than_the_first_read_is_still_whole() -> None:
    long = [user_item("long"), *(assistant_item(str(number)) for number in range(100))]
    [sent] = await send(await filled([*tool_turn(1), *long]), MemoryPolicy("Last N turns", 1))
    assert texts(sent) == [*texts(long), "new question"]


@pytest.mark.parametrize("session_type", ["sqlite", "list"])
async def test_summary_replaces_older_turns_in_the_request_and_nowhere_else(
    session_type: str,
) -> None:
    session = await filled(HISTORY) if session_type == "sqlite" else ListSession(HISTORY)
    [sent] = await send(session, MemoryPolicy("Summary", 1))
    pair = [SUMMARY_REQUEST, "summary of 8"]
    assert texts(sent) == [*pair, *texts(tool_turn(3)), "new question"]
    stored = texts(await session.get_items())
    assert stored == [*texts(HISTORY), "new question", "new answer"]


async def test_summary_needs_none_while_the_history_is_short() -> None:
    [sent] = await send(await filled(HISTORY), MemoryPolicy("Summary", 3), summarize=no_summary)
    assert texts(sent) == [*texts(HISTORY), "new question"]


@pytest.mark.parametrize("kind", POLICY_KINDS)
async def test_a_policy_holds_in_every_model_call_of_a_turn(kind: Any) -> None:
    session = await filled(HISTORY)
    steps = [
        [function_call("look", {}, call_id="new_1")],
        [function_call("look", {}, call_id="new_2")],
        [assistant_message("new answer")],
    ]
    calls = await send(session, MemoryPolicy(kind, 1), steps=steps)
    assert [len(sent) - len(calls[0]) for sent in calls] == [0, 2, 4]
    for sent in calls[1:]:
        assert texts(sent)[: len(calls[0])] == texts(calls[0])
    assert len(await session.get_items()) == len(HISTORY) + 6


@pytest.mark.parametrize("kind", POLICY_KINDS)
@pytest.mark.parametrize("left_behind", [0, 2], ids=["before a tool call", "after a tool call"])
async def test_a_retry_sends_what_the_first_attempt_sent(kind: Any, left_behind: int) -> None:
    policy = MemoryPolicy(kind, 1)
    [first] = await send(await filled(HISTORY), policy, "question 4")
    unanswered = tool_turn(4)[: 1 + left_behind]
    session = await filled([*HISTORY, *unanswered])
    [retried] = await send(session, policy, None)
    assert texts(retried) == [*texts(first), *texts(unanswered[1:])]
    assert texts(await session.get_items())[-1] == "new answer"
    assert len(await session.get_items()) == len(HISTORY) + len(unanswered) + 1


async def test_a_new_message_after_an_unanswered_one_counts_that_as_a_turn() -> None:
    session = await filled([*tool_turn(1), user_item("nobody answered")])
    [sent] = await send(session, MemoryPolicy("Last N turns", 1))
    assert texts(sent) == ["nobody answered", "new question"]


@pytest.mark.parametrize("kind", POLICY_KINDS)
async def test_an_empty_session(kind: Any) -> None:
    session = await filled([])
    [sent] = await send(session, MemoryPolicy(kind, 2), summarize=no_summary)
    assert texts(sent) == ["new question"]


# -- summaries ------------------------------------------------------------------------------


def writer(*summaries: str) -> ScriptedModel:
    return ScriptedModel([[assistant_message(summary)] for summary in summaries])


async def test_the_model_is_asked_for_a_summary_of_the_items() -> None:
    model = writer("short")
    assert await Summarizer(model).write(HISTORY) == "short"
    [request] = model.calls
    assert texts(request.input) == [*texts(HISTORY), SUMMARY_REQUEST]
    assert request.system_instructions == INSTRUCTIONS


async def test_a_summary_is_written_once() -> None:
    summarizer = Summarizer(writer("short"))
    assert summarizer.cached(HISTORY) is None
    await summarizer.write(HISTORY)
    assert summarizer.cached(HISTORY) == await summarizer.write(HISTORY) == "short"
    with_ids = [{**item, "id": "new"} for item in HISTORY]
    assert summarizer.cached(with_ids) == "short", "IDs that a server gave do not matter"


async def test_what_was_changed_is_summarized_again() -> None:
    summarizer = Summarizer(writer("short"))
    await summarizer.write(HISTORY)
    assert summarizer.cached([user_item("changed"), *HISTORY[1:]]) is None
    assert summarizer.cached(HISTORY[:-1]) is None
    assert summarizer.cached([]) is None


async def test_a_known_summary_stands_for_the_items_it_covers() -> None:
    model = writer("of one turn", "of three turns")
    summarizer = Summarizer(model)
    await summarizer.write(HISTORY[:4])
    assert await summarizer.write(HISTORY) == "of three turns"
    assert texts(model.calls[1].input) == [
        SUMMARY_REQUEST,
        "of one turn",
        *texts(HISTORY[4:]),
        SUMMARY_REQUEST,
    ]


async def test_the_writer_is_sent_no_half_of_a_tool_call() -> None:
    model = writer("short")
    broken: list[Any] = [user_item("a"), call("lost"), output("stray"), 7, None, "text"]
    await Summarizer(model).write([*broken, *tool_turn(1)])
    sent = ["a", *texts(tool_turn(1)), SUMMARY_REQUEST]
    assert texts(model.calls[0].input) == sent


async def test_a_preview_calls_no_model() -> None:
    summarizer = Summarizer(writer("short"))
    assert await summarizer.preview(HISTORY) == "(A summary of these 12 items is written first.)"
    await summarizer.write(HISTORY)
    assert await summarizer.preview(HISTORY) == "short"


async def test_callers_at_once_share_one_request() -> None:
    async def slowly(request: Any) -> Any:
        await asyncio.sleep(0.05)
        return [assistant_message("short")]

    summarizer = Summarizer(ScriptedModel([ModelStep.respond(slowly)]))
    found = await asyncio.gather(*(summarizer.write(HISTORY) for _ in range(5)))
    assert found == ["short"] * 5


async def test_a_caller_that_gives_up_does_not_stop_the_others() -> None:
    async def never(request: Any) -> Any:
        await asyncio.sleep(30)

    model = ScriptedModel([ModelStep.respond(never), [assistant_message("short")]])
    summarizer = Summarizer(model)
    first = asyncio.create_task(summarizer.write(HISTORY))
    second = asyncio.create_task(summarizer.write(HISTORY))
    await asyncio.sleep(0.05)
    first.cancel()
    assert await second == "short"


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


async def test_the_offline_model_remembers_through_summaries_of_summaries() -> None:
    session = await filled([])
    summarizer = Summarizer(OfflineModel())

    async def ask(text: str, policy: MemoryPolicy) -> str:
        config = await policy.run_config(session, summarizer.write, retry=False)
        agent = Agent("Assistant", model=OfflineModel())
        return str((await Runner.run(agent, text, session=session, run_config=config)).final_output)

    for text in ("My name is Alice.", "I live in Oslo.", "I like tea.", "My cat is called Miso."):
        await ask(text, MemoryPolicy("Summary", 1))
    assert "Alice" in await ask("What is my name?", MemoryPolicy("Summary", 1))
    assert "Oslo" in await ask("Where do I live?", MemoryPolicy("Summary", 1))
    assert "tea" not in await ask("What do I like?", MemoryPolicy("Last N turns", 1))
