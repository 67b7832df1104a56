"""What each policy sends, seen by a model that records. For any history: test_not_sent.py."""

from typing import Any

import pytest
from agents.testing import assistant_message, function_call
from policy_tools import HISTORY, ListSession, filled, no_summary, send, texts, tool_turn

from session_lab.history.items import SUMMARY_REQUEST, assistant_item, user_item
from session_lab.history.policies import POLICY_KINDS, MemoryPolicy


def test_n_is_at_least_one() -> None:
    with pytest.raises(ValueError, match="1 or more"):
        MemoryPolicy("Last N items", 0)


@pytest.mark.parametrize(
    ("policy", "name", "sent"),
    [
        (MemoryPolicy("Everything"), "Everything", HISTORY),
        (MemoryPolicy("Last N items", 1), "Last item", HISTORY[-1:]),
        # No half of a tool call: the second item from the end is an output.
        (MemoryPolicy("Last N items", 2), "Last 2 items", HISTORY[-1:]),
        (MemoryPolicy("Last N items", 3), "Last 3 items", HISTORY[-3:]),
        (MemoryPolicy("Last N items", 50), "Last 50 items", HISTORY),
        (MemoryPolicy("Last N turns", 1), "Last turn", HISTORY[-4:]),
        (MemoryPolicy("Last N turns", 2), "Last 2 turns", HISTORY[-8:]),
        (MemoryPolicy("Last N turns", 4), "Last 4 turns", HISTORY),
        (MemoryPolicy("Summary", 3), "Summary", HISTORY),
    ],
    ids=str,
)
async def test_what_is_sent_before_the_message(
    policy: MemoryPolicy, name: str, sent: list[Any]
) -> None:
    assert str(policy) == name
    for session in (await filled(HISTORY), ListSession(HISTORY)):
        [request] = await send(session, policy, summarize=no_summary)
        assert texts(request) == [*texts(sent), "new question"]


async def test_a_summary_replaces_older_turns_in_the_request_and_nowhere_else() -> None:
    session = await filled(HISTORY)
    [sent] = await send(session, MemoryPolicy("Summary", 1))
    assert texts(sent) == [SUMMARY_REQUEST, "summary of 8", *texts(tool_turn(3)), "new question"]
    stored = texts(await session.get_items())
    assert stored == [*texts(HISTORY), "new question", "new answer"]


async def test_last_n_turns_reads_only_the_end_but_whole_turns() -> None:
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
    long = [user_item("long"), *(assistant_item(str(number)) for number in range(100))]
    [sent] = await send(ListSession([*HISTORY, *long]), MemoryPolicy("Last N turns", 1))
    assert texts(sent) == [*texts(long), "new question"]


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
