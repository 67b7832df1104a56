"""The rules of a history, against a stand-in that refuses what OpenAI is reported to refuse."""

from __future__ import annotations

from itertools import pairwise, starmap
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from policy_tools import call, json_values, output
from strict_openai import StrictOpenAI

from session_lab.history.items import assistant_item, field, user_item
from session_lab.history.rules import (
    Api,
    Finding,
    diagnose,
    new_findings,
    repair,
    safe_end,
    safe_start,
    sendable,
)

APIS: list[Api] = ["Responses", "Chat Completions"]
SHAPES = ("text", "tool", "two tools", "by hand", "unanswered")


def refused(items: list[Any], api: Api = "Responses") -> list[tuple[int, str]]:
    return [told(each) for each in diagnose(items, api) if each.is_refused]


def told(finding: Finding) -> tuple[int, str]:
    return finding.place, finding.rule


def conversation(server: StrictOpenAI, shapes: list[str]) -> list[Any]:
    """Turns as the SDK stores them."""
    items: list[Any] = []
    for number, shape in enumerate(shapes):
        items.append(user_item(f"question {number}"))
        if shape == "by hand":
            items.append(assistant_item("by hand"))
        if tools := {"tool": ["a"], "two tools": ["a", "b"]}.get(shape):
            items += (response := server.respond("", *tools))
            items += [output(item["call_id"]) for item in response[1:]]
        if shape in ("text", "tool", "two tools"):
            items += server.respond(f"answer {number}")
    return items


@given(
    shapes=st.lists(st.sampled_from(SHAPES), min_size=1, max_size=4),
    cut=st.tuples(st.integers(0, 12), st.integers(0, 12)),
    lost=st.sets(st.integers(0, 20), max_size=3),
    doubled=st.integers(0, 40),
)
@example(["tool"], (2, 0), set(), 40)  # begins with a call whose reasoning is cut off
def test_what_is_sendable_is_never_refused(
    shapes: list[str], cut: tuple[int, int], lost: set[int], doubled: int
) -> None:
    server = StrictOpenAI()
    whole = conversation(server, shapes)
    items = whole[cut[0] : len(whole) - cut[1]]
    left = [item for i, item in enumerate(items) if i not in lost or _is_first_call(items, i)]
    # Without any reasoning left, nobody can tell that there was some, nor that what stands together
    # is of two responses.
    assume(left == items or any(field(item, "type") == "reasoning" for item in left))
    assume(not any(starmap(_are_run_together, pairwise(left))))
    left += left[doubled : doubled + 1]
    sent = sendable(left)
    assert server.refuses(sent) is None
    assert refused(sent) == [] and sendable(sent) == sent
    if server.refuses(left) is not None:
        assert refused(left), "what is refused is found"
    if not refused(left):
        assert sent == left and repair(left) == left
    assert [item for item in sent if field(item, "role") == "user"] == [
        item for item in left if field(item, "role") == "user"
    ]


def _are_run_together(item: Any, after: Any) -> bool:
    numbers = [str(field(each, "id")).split("_")[1:2] for each in (item, after)]
    begins = (field(item, "type"), field(after, "type")) in STARTS
    return bool(numbers[0] and numbers[1]) and numbers[0] != numbers[1] and not begins


STARTS = [("message", "reasoning"), ("function_call", "reasoning")]


def _is_first_call(items: list[Any], place: int) -> bool:
    """Whether it is the first of several calls: nobody can tell that a response has lost that."""
    kinds = [field(item, "type") for item in items[place - 1 : place + 2]]
    return kinds == ["reasoning", "function_call", "function_call"]


@given(
    shapes=st.lists(st.sampled_from(SHAPES), min_size=1, max_size=4),
    lost=st.sets(st.integers(0, 20), max_size=2),
    index=st.integers(-2, 30),
)
def test_a_safe_cut_adds_no_finding(shapes: list[str], lost: set[int], index: int) -> None:
    whole = conversation(StrictOpenAI(), shapes)
    items = [item for i, item in enumerate(whole) if i not in lost]
    start, end = safe_start(items, index), safe_end(items, index)
    assert 0 <= start <= max(index, 0) and min(index, len(items)) <= end <= len(items)
    before = refused(items)
    assert {(place + start, rule) for place, rule in refused(items[start:])} <= set(before)
    assert set(refused(items[:end])) <= set(before)
    cut = max(index, 0)
    new = {*map(told, new_findings(items, items[:cut], "Responses"))}
    assert new == {*refused(items[:cut])} - {*before}, "what a cut there breaks is told"
    if index in range(len(items)) and items[index] == user_item(f"question {index}"):
        assert start == index


@given(items=st.lists(st.one_of(json_values, st.sampled_from([call("a"), output("a")]))))
@pytest.mark.parametrize("api", APIS)
def test_any_json_is_read(items: list[Any], api: Api) -> None:
    sent = sendable(items, api)
    assert refused(sent, api) == []
    assert safe_start(items, len(items)) == safe_end(items, len(items)) == len(items)


THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": []}
REPLY = {"type": "message", "id": "msg_1", "role": "assistant", "content": []}
HI = user_item("hi")


@pytest.mark.parametrize(
    ("items", "api", "found"),
    [
        ([HI, call("a")], "Responses", [(0, "turn"), (1, "pair")]),
        ([HI, output("a"), REPLY], "Responses", [(1, "pair")]),
        ([HI, output("a"), call("a"), REPLY], "Responses", [(1, "pair"), (2, "pair")]),
        ([HI, call(""), output(""), REPLY], "Responses", [(1, "pair"), (2, "pair")]),
        ([HI, call("a"), HI, output("a"), REPLY], "Responses", [(0, "turn")]),
        (
            [HI, call("a"), HI, output("a"), REPLY],
            "Chat Completions",
            [(0, "turn"), (1, "pair"), (3, "pair")],
        ),
        ([HI, REPLY, call("a")], "Responses", [(0, "turn"), (2, "pair")]),
        ([HI, THOUGHT], "Responses", [(0, "turn"), (1, "reasoning")]),
        ([HI, THOUGHT], "Chat Completions", [(0, "turn")]),
        ([HI, THOUGHT, REPLY], "Responses", []),
        ([HI, THOUGHT, assistant_item("x")], "Responses", [(1, "reasoning")]),
        ([REPLY, HI, assistant_item("x")], "Responses", [(0, "reasoning")]),
        ([HI, REPLY], "Responses", []),
        ([HI, REPLY, REPLY], "Responses", [(2, "ID")]),
        ([HI, {**REPLY, "id": "chatcmpl-1"}], "Responses", [(1, "ID")]),
        ([HI, {**REPLY, "id": "chatcmpl-1"}], "Chat Completions", []),
        ([HI, {"type": "mcp_call", "id": "m"}, REPLY], "Responses", []),
        ([HI, {"type": "mcp_call", "id": "m"}, REPLY], "Chat Completions", [(1, "type")]),
        ([{"role": "tool", "content": "x"}, 7, None], "Responses", [(i, "form") for i in range(3)]),
        ([HI, HI, assistant_item("a"), assistant_item("b")], "Responses", [(3, "turn")]),
        ([user_item("a \ud83d b"), REPLY], "Responses", [(0, "text")]),
        ([{"type": "custom_tool_call", "call_id": "c"}], "Responses", [(0, "pair")]),
        ([{"type": ["x"], "id": "x"}], "Responses", []),
        ([{"type": "tool_search_call", "execution": "server"}], "Responses", []),
    ],
)
def test_each_rule(items: list[Any], api: Api, found: list[tuple[int, str]]) -> None:
    assert [*map(told, diagnose(items, api))] == found


def test_calls_with_one_id_are_numbered_with_their_outputs() -> None:
    items = [HI, call("call_0"), output("call_0", "1"), call("call_0"), output("call_0", "2")]
    repaired = repair([*items, call("call_0-2"), output("call_0-2"), REPLY])
    ids = ["call_0", "call_0", "call_0-3", "call_0-3", "call_0-2", "call_0-2"]
    assert [item["call_id"] for item in repaired[1:-1]] == ids
    assert [field(item, "output") for item in repaired[2:5:2]] == ["1", "2"]


def test_half_a_character_is_replaced() -> None:
    assert sendable([user_item("a \ud83d b")]) == [user_item("a ? b")]


def test_a_text_that_no_request_can_hold_is_left_out() -> None:
    assert refused([user_item("x" * 10_485_761)]) == [(0, "text")]
