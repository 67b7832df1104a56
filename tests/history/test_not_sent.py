"""Why an item was left out of a request, checked against the requests that the SDK makes."""

import asyncio
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from policy_tools import HISTORY, call, filled, output, send, texts, tool_turn

from session_lab.history.items import (
    SUMMARY_REQUEST,
    assistant_item,
    fingerprint,
    user_item,
)
from session_lab.history.not_sent import place_or_reason
from session_lab.history.policies import POLICY_KINDS, MemoryPolicy

EVERYTHING = MemoryPolicy("Everything")
BROKEN = [user_item("a"), call("lost"), output("stray"), assistant_item("b")]
LOST = "Tool call without its output."
STRAY = "Tool output without its call."
TOO_OLD = "Its tool call is outside the last 2 items."
TWICE = [*tool_turn(1)[:3], assistant_item("x"), *tool_turn(1)[1:3], assistant_item("y")]
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": []}


def reasons(
    policy: MemoryPolicy, stored: list[Any], sent: list[Any], is_stored: bool = False
) -> list[str | None]:
    found = place_or_reason(policy, stored, sent, is_stored=is_stored)
    for item, each in zip(stored, found, strict=True):
        assert isinstance(each, str) or fingerprint(sent[each - 1]) == fingerprint(item)
    return [each if isinstance(each, str) else None for each in found]


@pytest.mark.parametrize(
    ("policy", "stored", "expected"),
    [
        (MemoryPolicy("Last N items", 4), HISTORY, ["Outside the last 4 items."] * 8 + [None] * 4),
        (MemoryPolicy("Last N turns", 1), HISTORY, ["Outside the last turn."] * 8 + [None] * 4),
        (MemoryPolicy("Summary", 1), HISTORY, ["Replaced by the summary."] * 8 + [None] * 4),
        (
            MemoryPolicy("Last N items", 2),
            tool_turn(1),
            [*["Outside the last 2 items."] * 2, TOO_OLD, None],
        ),
        (EVERYTHING, BROKEN, [None, LOST, STRAY, None]),
        (MemoryPolicy("Last N items", 9), BROKEN, [None, LOST, STRAY, None]),
        (MemoryPolicy("Last N turns", 9), BROKEN, [None, LOST, STRAY, None]),
        (
            EVERYTHING,
            [user_item("a"), THOUGHT, call("lost")],
            [None, "Reasoning without the item that it led to.", LOST],
        ),
        (
            EVERYTHING,
            TWICE,
            [None, *["Stored twice: the SDK sends the newest."] * 2, *[None] * 4],
        ),
    ],
)
async def test_the_reason_is_told(
    policy: MemoryPolicy, stored: list[Any], expected: list[str | None]
) -> None:
    [sent] = await send(await filled(stored), policy)
    assert reasons(policy, stored, sent) == expected


async def test_equal_messages_are_told_apart_by_their_order() -> None:
    stored = [item for _ in range(4) for item in (user_item("hi"), assistant_item("hello"))]
    [sent] = await send(await filled(stored), MemoryPolicy("Last N turns", 1), "hi")
    found = reasons(MemoryPolicy("Last N turns", 1), stored, sent)
    assert found == ["Outside the last turn."] * 6 + [None] * 2
    stored.append(user_item("hi"))
    found = reasons(MemoryPolicy("Last N turns", 1), stored, sent, is_stored=True)
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


@given(histories, policies)
@example([THOUGHT, user_item("hi"), THOUGHT], EVERYTHING)
@example([assistant_item("ok"), user_item("hi")], MemoryPolicy("Summary", 1))
def test_for_any_history_reasons_and_request_agree(
    history: list[Any], policy: MemoryPolicy
) -> None:
    async def check() -> None:
        session = await filled(history)
        [sent] = await send(session, policy)
        found = reasons(policy, history, sent)
        places = [each for each in place_or_reason(policy, history, sent) if isinstance(each, int)]
        assert len({*places}) == len(places) and all(0 < place < len(sent) for place in places)
        kept = [item for item, reason in zip(history, found, strict=True) if reason is None]
        extra = 2 if texts(sent)[:1] == [SUMMARY_REQUEST] else 0
        assert sorted(map(fingerprint, kept)) == sorted(map(fingerprint, sent[extra:-1]))
        start = policy.start(history)
        if policy.kind != "Summary":  # That also sends what stands unanswered before the message.
            assert all(found[:start]), "nothing older than the policy's limit is said to be sent"
        # No message breaks a rule: only the policy leaves those out.
        plain = [i for i, item in enumerate(history) if isinstance(item, dict) and "role" in item]
        assert all(found[i] is None for i in plain if i >= start)
        stored = await session.get_items()
        assert stored[: len(history)] == history and len(stored) == len(history) + 2
        assert reasons(policy, stored[:-1], sent, is_stored=True) == [*found, None]
        session.close()

    asyncio.run(check())
