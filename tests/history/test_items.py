"""Reading items: those that the SDK stores, and whatever else a row of the database may hold."""

import json
from typing import Any

import pytest
from agents import Agent, Runner, SQLiteSession
from agents.testing import ScriptedModel, assistant_message
from hypothesis import given
from hypothesis import strategies as st
from policy_tools import call, json_values, output

from session_lab.history.items import (
    assistant_item,
    call_ids,
    field,
    fingerprint,
    is_assistant_message,
    is_user_message,
    kind,
    one_line,
    split_call_ids,
    text_of,
    user_item,
    with_text,
)

CALL, OUTPUT = call("c"), output("c")
names = ["type", "role", "content", "output", "summary", "arguments", "call_id", "name", "id"]
values = json_values | st.sampled_from(["message", "function_call", "reasoning", "user", "text"])
odd_items = json_values | st.dictionaries(st.sampled_from(names), values)


@given(odd_items)
def test_every_reader_accepts_any_json(item: Any) -> None:
    assert isinstance(text_of(item), str)
    assert kind(item)
    assert len(one_line(item, 20)) <= 20 and "\n" not in one_line(item)
    assert fingerprint(item) == fingerprint(json.loads(json.dumps(item)))
    assert not (is_user_message(item) and is_assistant_message(item))
    assert split_call_ids([item]) <= call_ids([item], "function_call") | call_ids(
        [item], "function_call_output"
    )
    assert field(item, "no such field") is None


@pytest.mark.parametrize(
    ("item", "expected_kind", "text"),
    [
        (user_item("hi"), "user", "hi"),
        ({"role": "user", "type": None, "content": "hi"}, "user", "hi"),
        (assistant_item("hello"), "assistant", "hello"),
        ({"role": "system", "content": "be kind"}, "system", "be kind"),
        (CALL, "tool call", "look({})"),
        (OUTPUT, "tool output", "seen"),
        ({**OUTPUT, "output": [{"type": "input_text", "text": "seen"}]}, "tool output", "seen"),
        ({"type": "reasoning", "summary": [{"text": "hm"}, {"text": "so"}]}, "reasoning", "hm\nso"),
        ({"type": "reasoning", "summary": []}, "reasoning", ""),
        ({"type": "web_search_call", "id": "w"}, "web search call", '{"type": "web_search_call"'),
        ({"role": "assistant", "content": [{"refusal": "no"}]}, "assistant", "no"),
        ({"role": "user", "content": [{"type": "input_image"}]}, "user", "[input_image]"),
        ({"a": 1}, "unreadable", '{"a": 1}'),
        ({"role": None}, "unreadable", '{"role": null}'),
        (7, "unreadable", "7"),
    ],
)
def test_what_a_person_sees(item: Any, expected_kind: str, text: str) -> None:
    assert kind(item) == expected_kind
    assert text_of(item).startswith(text)


def test_one_line_is_cut_with_an_ellipsis() -> None:
    assert one_line(user_item("a\n\n b"), 10) == "a b"
    assert one_line(user_item("x" * 100_000), 10) == "x" * 9 + "…"
    assert one_line(user_item(" \n "), 10) == ""


async def test_items_made_by_hand_say_what_the_sdk_stores() -> None:
    session = SQLiteSession("test")
    agent = Agent("Assistant", model=ScriptedModel([[assistant_message("hello")]]))
    await Runner.run(agent, "hi", session=session)
    stored: list[Any] = await session.get_items()
    assert stored[0] == user_item("hi")
    assert fingerprint(stored[1]) == fingerprint(assistant_item("hello"))


def test_a_fingerprint_ignores_what_a_server_adds_and_nothing_else() -> None:
    assert fingerprint(assistant_item("a")) == fingerprint({"role": "assistant", "content": "a"})
    assert fingerprint({**CALL, "id": "fc_1", "status": "completed"}) == fingerprint(CALL)
    different = [user_item("a"), assistant_item("a"), user_item("b"), CALL, OUTPUT]
    different += [
        {**CALL, "arguments": "[]"},
        {**OUTPUT, "output": "b"},
        {**OUTPUT, "call_id": "d"},
    ]
    assert len({fingerprint(item) for item in different}) == len(different)


@pytest.mark.parametrize(
    "item",
    [
        user_item("old"),
        {**assistant_item("old"), "id": "msg_1"},
        {"role": "user", "content": [{"type": "input_text", "text": "old"}]},
        {"role": "assistant", "content": "old"},
    ],
)
def test_with_text_changes_only_the_text(item: Any) -> None:
    changed: Any = with_text(item, "new")
    assert text_of(changed) == "new" and text_of(item) == "old"
    assert {**changed, "content": ...} == {**item, "content": ...}
    assert type(changed["content"]) is type(item["content"])
