"""Reading items: those that the SDK stores, and whatever else a row of the database may hold."""

import json
from typing import Any

import pytest
from agents import Agent, Runner, SQLiteSession
from agents.run_internal import items as sdk_items
from agents.testing import ScriptedModel, assistant_message
from hypothesis import given
from hypothesis import strategies as st
from policy_tools import call, json_values, output

from session_lab.history.items import (
    TOOL_OUTPUTS,
    assistant_item,
    fingerprint,
    is_assistant_message,
    is_hosted,
    is_user_message,
    kind,
    one_line,
    output_of,
    pair_of,
    text_of,
    text_to_edit,
    tool_name,
    user_item,
    with_text,
    without_base64,
)
from session_lab.history.rules import diagnose

CALL, OUTPUT = call("c"), output("c")
IMAGE = "data:image/png;base64," + "cafe" * 1_033_000
"""3,099,000 bytes."""
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
    assert text_to_edit(item) is None or text_of(with_text(item, "new")).splitlines()
    assert repr(without_base64(item)) == repr(item)
    small = "data:image/png;base64," + "cafe" * 100
    shown = without_base64([{"content": [{"image_url": small, "other": item}]}])
    image = [{"content": [{"image_url": "[base64, 300 bytes]", "other": item}]}]
    assert repr(shown) == repr(image), "only base64 is missing from what is looked at"


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
        ({"role": "assistant", "content": [{"refusal": "no"}]}, "assistant", "no"),
        ({"role": "user", "content": [{"type": "input_image"}]}, "user", "[image]"),
        ({"a": 1}, "unreadable", '{"a": 1}'),
        ({"role": None}, "unreadable", '{"role": null}'),
        (7, "unreadable", "7"),
    ],
)
def test_what_a_person_sees(item: Any, expected_kind: str, text: str) -> None:
    assert kind(item) == expected_kind
    assert text_of(item) == text


@pytest.mark.parametrize(
    ("item_type", "fields", "text"),
    [
        ("web_search_call", {"action": {"type": "search", "query": "café"}}, "(search, café)"),
        ("file_search_call", {"queries": ["a", "b"], "results": [{"text": "t"}]}, "(a, b)\nt"),
        ("code_interpreter_call", {"code": "1+1", "outputs": [{"logs": "2"}]}, "(1+1)\n2"),
        ("image_generation_call", {"result": IMAGE.partition(",")[2]}, "()\n[image, 3.1 MB]"),
        ("mcp_call", {"name": "roll", "arguments": '{"d": 6}', "output": "4"}, '({"d": 6})\n4'),
        ("mcp_call", {"name": "roll", "arguments": {"d": 6}, "error": "no"}, '({"d": 6})\nno'),
        ("mcp_list_tools", {"tools": [{"name": "a", "x": {}}, {"name": "b"}]}, "a, b"),
        ("mcp_approval_request", {"name": "roll", "arguments": "{}"}, "({})"),
        ("mcp_approval_response", {"approve": False, "reason": "why"}, "refused\nwhy"),
        ("custom_tool_call", {"name": "roll", "input": "4"}, "(4)"),
        (
            "local_shell_call",
            {"action": {"type": "exec", "command": ["ls", "-l"]}},
            "(exec, ls, -l)",
        ),
        ("shell_call_output", {"output": [{"stdout": "a", "stderr": "b"}]}, "a\nb"),
        ("apply_patch_call", {"operation": {"path": "a.py", "diff": "+x"}}, "(a.py, +x)"),
        (
            "computer_call_output",
            {"output": {"type": "computer_screenshot", "image_url": IMAGE}},
            "[computer screenshot, 3.1 MB]",
        ),
        ("function_call_output", {"output": f'{{"a": "{IMAGE}"}}'}, '{"a": "[base64, 3.1 MB]"}'),
        ("function_call_output", {"output": None}, ""),
        ("compaction", {"encrypted_content": "x/Y+" * 500}, "2 KB"),
        ("item_reference", {"id": "msg_1"}, "msg_1"),
        ("something_new", {"note": "hi", "deep": [{"n": 1}]}, "hi, 1"),
    ],
)
def test_hosted_items_are_read_by_name_arguments_and_output(
    item_type: str, fields: dict[str, Any], text: str
) -> None:
    name = fields.get("name") or item_type.removesuffix("_call")
    expected = f"{name}{text}" if text.startswith("(") else text
    assert text_of({"type": item_type, "id": "x", "status": "completed", **fields}) == expected


def test_what_a_tool_gave_back_is_read_without_its_call() -> None:
    hosted = {"type": "mcp_call", "name": "roll", "arguments": "{}", "output": "4"}
    assert (tool_name(hosted), output_of(hosted)) == ("roll", "4")
    search = {"type": "web_search_call", "action": {"query": "x"}}
    assert (tool_name(search), output_of(search)) == ("web_search", "")
    assert is_hosted(hosted) and is_hosted(search) and not is_hosted(CALL)
    assert (output_of(OUTPUT), output_of(CALL), output_of(assistant_item("4"))) == ("seen", "", "")


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ({"type": "input_image", "image_url": IMAGE, "detail": "auto"}, "[image, 3.1 MB]"),
        (
            {"type": "input_image", "image_url": "https://x.org/a.png"},
            "[image, https://x.org/a.png]",
        ),
        (
            {"type": "input_file", "filename": "a.pdf", "file_data": "AAAA"},
            "[file, a.pdf, 3 bytes]",
        ),
        ({"type": "input_audio", "input_audio": {"data": "AAAA" * 900}}, "[audio, 3 KB]"),
        ({"type": "output_audio", "transcript": "hello", "data": "AAAA"}, "hello"),
    ],
)
def test_what_is_no_text_is_named_with_its_size(part: Any, text: str) -> None:
    assert text_of({"role": "user", "content": ["look", part]}) == f"look\n{text}"


@pytest.mark.parametrize(("call_type", "output_type"), TOOL_OUTPUTS.items())
def test_a_call_and_its_output_are_the_pairs_of_the_sdk(call_type: str, output_type: str) -> None:
    assert sdk_items._TOOL_CALL_TO_OUTPUT_TYPE == TOOL_OUTPUTS
    a, b = {"type": call_type, "call_id": "c"}, {"type": output_type, "call_id": "c"}
    assert (kind(a), kind(b)) == ("tool call", "tool output")
    assert pair_of(a) == pair_of(b) != pair_of({**b, "call_id": "other"})
    histories: list[list[Any]] = [[a, b], [a], [{**a, "call_id": None}, {"type": output_type}]]
    histories.append([a, {"type": "other_output", "call_id": "c"}])
    for history in histories if call_type != "program" else []:  # That is left to the server.
        kept = sdk_items.drop_orphan_function_calls(history)
        is_half = (0, "pair") in [(found.place, found.rule) for found in diagnose(history)]
        assert is_half == (history[0] not in kept)


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
    different += [{"role": "user", "content": [{"image_url": url}]} for url in ("x", "y")]
    different += [{**OUTPUT, **more} for more in ({"output": "b"}, {"call_id": "d"})]
    different.append({**CALL, "arguments": "[]"})
    assert len({fingerprint(item) for item in different}) == len(different)


@pytest.mark.parametrize(
    "item",
    [
        user_item("old"),
        {**assistant_item("old"), "id": "msg_1"},
        {"role": "user", "content": [{"type": "input_text", "text": "old"}]},
        {"role": "user", "content": [{"image_url": IMAGE}, {"text": "old"}, {"file_id": "f"}]},
        {"role": "assistant", "content": [{"text": "old", "annotations": [{"url": "u"}]}]},
    ],
)
def test_with_text_changes_only_the_text(item: Any) -> None:
    assert text_to_edit(item) == "old" and with_text(item, "old") == item
    changed = with_text(item, "new")
    assert json.loads(json.dumps(changed).replace('"new"', '"old"')) == item != changed


@pytest.mark.parametrize("content", [None, [], [{"text": "a"}, {"text": "b"}], [{"refusal": "no"}]])
def test_what_has_not_one_text_is_not_edited(content: Any) -> None:
    assert text_to_edit({"role": "assistant", "content": content}) is None
    assert text_to_edit({**CALL, "content": "text"}) is None
