"""Why an item was left out of a request, checked against the requests that the SDK makes."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from policy_tools import HISTORY, call, filled, output, send, texts, tool_turn

from session_lab.history.items import SUMMARY_REQUEST, assistant_item, fingerprint, user_item
from session_lab.history.left_out import why_left_out
from session_lab.history.policies import POLICY_KINDS, MemoryPolicy


async def reasons(policy: MemoryPolicy, stored: Sequence[Any]) -> list[str | None]:
    [sent] = await send(await filled(stored), policy)
    return why_left_out(policy, stored, sent)


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (MemoryPolicy("Last N items", 4), "Outside the last 4 items."),
        (MemoryPolicy("Last N turns", 1), "Outside the last turn."),
        (MemoryPolicy("Summary", 1), "Replaced by the summary."),
    ],
)
async def test_the_policy_is_the_reason(policy: MemoryPolicy, reason: str) -> None:
    assert await reasons(policy, HISTORY) == [reason] * 8 + [None] * 4


async def test_an_output_whose_call_is_too_old() -> None:
    found = await reasons(MemoryPolicy("Last N items", 2), tool_turn(1))
    outside = "Outside the last 2 items."
    dropped = "Its tool call is outside the last 2 items, so the SDK drops it."
    assert found == [outside, outside, dropped, None]


async def test_halves_of_a_tool_call() -> None:
    broken = [user_item("a"), call("lost"), output("stray"), assistant_item("b")]
    lost = "Tool call without its output: the SDK drops it."
    stray = "Tool output without its call: the SDK drops it."
    assert await reasons(MemoryPolicy("Everything"), broken) == [None, lost, None, None]
    assert await reasons(MemoryPolicy("Last N items", 9), broken) == [None, lost, stray, None]
    assert await reasons(MemoryPolicy("Last N turns", 9), broken) == [None, lost, stray, None]


async def test_reasoning_goes_with_its_tool_call() -> None:
    thought = {"type": "reasoning", "id": "rs_1", "summary": []}
    found = await reasons(MemoryPolicy("Everything"), [user_item("a"), thought, call("lost")])
    assert found[1] == "Reasoning about a tool call that the SDK drops."


async def test_duplicates() -> None:
    twice = [*tool_turn(1)[:3], assistant_item("x"), *tool_turn(1)[1:3], assistant_item("y")]
    found = await reasons(MemoryPolicy("Everything"), twice)
    duplicate = "Stored twice: the SDK sends the newest."
    assert found == [None, duplicate, duplicate, None, None, None, None]


async def test_equal_messages_are_told_apart_by_their_order() -> None:
    stored = [item for _ in range(4) for item in (user_item("hi"), assistant_item("hello"))]
    found = await reasons(MemoryPolicy("Last N items", 3), stored)
    assert found == ["Outside the last 3 items."] * 5 + [None] * 3
    [sent] = await send(await filled(stored), MemoryPolicy("Last N turns", 1), "hi")
    found = why_left_out(MemoryPolicy("Last N turns", 1), stored, sent)
    assert found == ["Outside the last turn."] * 6 + [None] * 2
    stored.append(user_item("hi"))
    found = why_left_out(MemoryPolicy("Last N turns", 1), stored, sent)
    assert found == ["Outside the last turn."] * 6 + [None] * 3, "the question, once it is stored"


message = st.sampled_from([user_item("hi"), user_item("again"), assistant_item("ok")])
tool_item = st.builds(
    lambda make, number: make(f"c{number}"), st.sampled_from([call, output]), st.integers(0, 3)
)
pair = st.integers(4, 6).map(lambda number: [call(f"c{number}"), output(f"c{number}")])
odd = st.sampled_from([7, None, "text", [1], {"a": 1}, {"type": "reasoning", "id": "r"}])
histories = st.lists(
    st.one_of(
        message.map(lambda item: [item]), pair, tool_item.map(lambda i: [i]), odd.map(lambda i: [i])
    ),
    max_size=14,
).map(lambda groups: [item for group in groups for item in group])
policies = st.builds(MemoryPolicy, st.sampled_from(POLICY_KINDS), st.integers(1, 6))


TWICE = {"type": "reasoning", "id": "r"}


@settings(max_examples=150, deadline=None)
@given(histories, policies)
@example([TWICE, user_item("hi"), TWICE], MemoryPolicy())
def test_for_any_history_reasons_and_request_agree(
    history: list[Any], policy: MemoryPolicy
) -> None:
    async def check() -> None:
        session = await filled(history)
        [sent] = await send(session, policy)
        found = why_left_out(policy, history, sent)
        kept = [item for item, reason in zip(history, found, strict=True) if reason is None]
        extra = 2 if texts(sent)[:1] == [SUMMARY_REQUEST] else 0
        assert sorted(map(fingerprint, kept)) == sorted(map(fingerprint, sent[extra:-1]))
        start = policy.start(history)
        assert all(found[:start]), "nothing older than the policy's limit is said to be sent"
        # The SDK drops no message and no unknown row: only the policy leaves those out.
        plain = [
            i for i, item in enumerate(history) if not isinstance(item, dict) or "role" in item
        ]
        assert all(found[i] is None for i in plain if i >= start)
        stored = await session.get_items()
        assert stored[: len(history)] == history and len(stored) == len(history) + 2
        assert why_left_out(policy, stored[:-1], sent) == [*found, None], "the question is stored"
        session.close()

    asyncio.run(check())
