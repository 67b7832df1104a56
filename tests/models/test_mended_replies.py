"""Replies of servers that are only compatible: mended, or one line says what is wrong with them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, cast

import pytest
import test_servers
from agents import Agent, SessionSettings, SQLiteSession, function_tool
from loopback_server import EVENTS, RESPONSES, USED, Answer, LoopbackServer, Request, chat, response

from session_lab.models.choose import configured_model, explain_error


@function_tool
def order_status(order_id: str) -> str:
    """Where an order is."""
    return f"{order_id} is on its way"


async def run(session: SQLiteSession | None, streamed: bool, text: str = "Hello") -> Any:
    agent = Agent("Assistant", model=configured_model(), tools=[order_status])
    return await test_servers.run(agent, text, session, streamed)


async def error_line(session: SQLiteSession, streamed: bool, text: str = "Hello") -> str:
    """What is said of the run's error. The question stays stored, and a later run is answered."""
    before = await session.get_items()
    with pytest.raises(Exception) as raised:
        await run(session, streamed, text)
    stored = await session.get_items()
    assert stored == [*before, {"role": "user", "content": text}]
    line = explain_error(raised.value)
    assert line is not None and "\n" not in line
    assert (await run(session, streamed, "And now?")).final_output.startswith("I was sent")
    return line


def tool_calls(
    api: str, streamed: bool, *ids: Any, arguments: Any = '{"order_id": "A-1"}'
) -> Answer:
    """A reply that calls the tool once for each ID."""
    named = {"name": "order_status", "arguments": arguments}
    if api == "responses":
        item = {"type": "function_call", "status": "completed", **named}
        calls = [{**item, "id": f"fc-{n}", "call_id": call_id} for n, call_id in enumerate(ids)]
        return response(streamed, calls)
    calls = [{"type": "function", "function": named, "id": call_id} for call_id in ids]
    for place, each in enumerate(calls if streamed else []):
        each["index"] = place
    return chat(streamed, {"content": None, "tool_calls": calls}, end="tool_calls")


def tool_ids(request: Request) -> tuple[list[str], list[str]]:
    """The IDs of the calls and of the outputs that a request holds, in their order."""
    items = request.items
    if request.path == RESPONSES:
        kinds = ("function_call", "function_call_output")
        calls, outputs = ([i["call_id"] for i in items if i.get("type") == kind] for kind in kinds)
        return calls, outputs
    calls = [each["id"] for item in items for each in item.get("tool_calls") or []]
    return calls, [item["tool_call_id"] for item in items if item["role"] == "tool"]


# Tool calls


@pytest.mark.parametrize("call_id", ["call_0", "", None, 7])
async def test_every_call_of_a_session_has_an_id_of_its_own(
    call_id: Any, api: str, streamed: bool, server: LoopbackServer, session: SQLiteSession
) -> None:
    for _ in range(2):
        server.next_answers = [tool_calls(api, streamed, call_id, call_id)]
        assert (await run(session, streamed)).final_output.startswith("I was sent")
    calls, outputs = tool_ids(server.requests[-1])
    assert len(set(calls)) == 4 and calls == outputs and all(calls)
    stored: list[Any] = await session.get_items()
    assert [item["call_id"] for item in stored if item.get("type") == "function_call"] == calls
    assert (calls[0] == "call_0") == (call_id == "call_0"), "kept as long as nobody else has it"


async def test_calls_of_a_stream_may_lack_their_index(
    server: LoopbackServer, session: SQLiteSession
) -> None:
    named = {"function": {"name": "order_status", "arguments": '{"order_id": '}}
    more = [{"function": {"arguments": f'"A-{n}"' + "}"}} for n in (1, 2)]
    deltas = [{"tool_calls": [call]} for n in (0, 1) for call in (named, more[n])]
    server.next_answers = [chat(True, *deltas, end="tool_calls")]
    await run(session, True)
    stored: list[Any] = await session.get_items()
    outputs = [item["output"] for item in stored if item.get("type") == "function_call_output"]
    assert outputs == ["A-1 is on its way", "A-2 is on its way"]


@pytest.mark.parametrize(
    ("limit", "keys"),
    [(0, ("", "")), (None, ("", "sk-of-another-client"))],
    ids=["that is not sent", "after a restart"],
)
async def test_an_id_repeats_that_is_stored(
    limit: int | None,
    keys: tuple[str, ...],
    api: str,
    streamed: bool,
    server: LoopbackServer,
    session: SQLiteSession,
) -> None:
    session.session_settings = SessionSettings(limit=limit)
    for key in keys:
        os.environ["OPENAI_API_KEY"] = key
        server.next_answers = [tool_calls(api, streamed, "call_0")]
        await run(session, streamed)
    stored: list[Any] = await session.get_items(limit=99)
    ids = [item["call_id"] for item in stored if "call_id" in item]
    assert len(set(ids)) == 2 and ids[::2] == ids[1::2]


async def test_arguments_may_be_an_object(
    api: str, streamed: bool, server: LoopbackServer, session: SQLiteSession
) -> None:
    server.next_answers = [tool_calls(api, streamed, "c-1", arguments={"order_id": "A-1"})]
    await run(session, streamed)
    _, made, output, _ = cast(list[Any], await session.get_items())
    assert (made["arguments"], output["output"]) == ('{"order_id": "A-1"}', "A-1 is on its way")


async def test_a_part_of_a_tool_call_is_not_run(
    streamed: bool, server: LoopbackServer, session: SQLiteSession
) -> None:
    reply = tool_calls("chat_completions", streamed, "c-1", arguments='{"order_id": ')
    reply.body = reply.body.replace('"finish_reason": "tool_calls"', '"finish_reason": "length"')
    server.next_answers = [reply]
    line = await error_line(session, streamed)
    assert line.startswith(f"{server.url} sent a part of a reply; it ended with: length. Ask")


# Texts, counts and ends


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "text", "text": "Oslo "}, {"type": "text", "text": "is far."}],
        [{"type": "thinking", "thinking": []}, {"type": "text", "text": "Oslo is far."}],
        {"type": "text", "text": "Oslo is far."},
    ],
    ids=["parts", "thinking", "part"],
)
async def test_content_may_be_a_list_of_parts(
    content: Any, streamed: bool, server: LoopbackServer, session: SQLiteSession
) -> None:
    server.next_answers = [chat(streamed, {"content": content})]
    assert (await run(session, streamed)).final_output == "Oslo is far."
    await run(session, streamed, "Go on.")
    assert server.requests[-1].items[1]["content"] == "Oslo is far."


TEXT = {"type": "message", "id": "msg-1", "role": "assistant", "content": "Oslo is far."}


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        (None, (0, 0)),
        ("n/a", (0, 0)),
        ({"prompt_tokens": None, "completion_tokens": "many", "total_tokens": None}, (0, 0)),
        ({"prompt_tokens": 7.0, "completion_tokens": 3, "prompt_tokens_details": None}, (7, 3)),
        ({**USED, "completion_tokens_details": {"reasoning_tokens": "none"}}, (11, 5)),
    ],
    ids=json.dumps,
)
async def test_usage_may_be_no_number(
    usage: Any, tokens: tuple[int, int], api: str, streamed: bool, server: LoopbackServer
) -> None:
    reply = chat(streamed, {"content": "Oslo is far."}, usage=usage)
    if api == "responses":
        text = json.dumps(usage).replace("prompt", "input").replace("completion", "output")
        reply = response(streamed, [TEXT], usage=json.loads(text))
    server.next_answers = [reply]
    result = await run(None, streamed)
    used = result.context_wrapper.usage
    assert (result.final_output, used.requests) == ("Oslo is far.", 1)
    assert (used.input_tokens, used.output_tokens) == tokens
    assert used.total_tokens == sum(tokens)


@pytest.mark.parametrize(
    ("api", "end", "streamed"),
    [
        ("chat_completions", "length", False),
        ("chat_completions", "content_filter", False),
        ("chat_completions", "length", True),
        ("chat_completions", None, True),
        ("responses", "max_output_tokens", False),
        ("responses", "max_output_tokens", True),
    ],
    indirect=["api"],
)
async def test_a_cut_reply_is_stored_as_incomplete(
    api: str,
    end: str | None,
    streamed: bool,
    server: LoopbackServer,
    session: SQLiteSession,
    caplog: pytest.LogCaptureFixture,
) -> None:
    reply = chat(streamed, {"content": TEXT["content"]}, end=end)
    if api == "responses":
        why = {"status": "incomplete", "incomplete_details": {"reason": end}}
        reply = response(streamed, [TEXT], **why)
    server.next_answers = [reply]
    assert (await run(session, streamed)).final_output == "Oslo is far."
    how = f"it ended with: {end}" if end else "the stream ended early"
    assert caplog.messages == [f"The reply is cut; {how}. Ask the model to go on."]
    await run(session, streamed, "Go on.")
    stored: list[Any] = await session.get_items()
    assert [item.get("status") for item in stored] == [None, "incomplete", None, "completed"]
    assert "Oslo is far." in json.dumps(server.requests[-1].items[1])


EMPTY = "sent an empty reply; it ended with: "
REFUSED = "refused to produce output: I may not. Ask in other words."
CUT = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
FAILED = {"status": "failed", "error": {"code": "x", "message": "out of memory"}}


@pytest.mark.parametrize(
    ("reply", "made", "more", "line"),
    [
        (chat, {"content": ""}, {}, EMPTY + "stop"),
        (chat, {"content": None}, {"end": "length"}, EMPTY + "length"),
        (chat, {"content": [], "tool_calls": []}, {"end": "tool_calls"}, EMPTY + "tool_calls"),
        (chat, {"content": "", "reasoning_content": "Hm."}, {"end": "length"}, EMPTY + "length"),
        (chat, {"content": None, "refusal": "I may not."}, {}, REFUSED),
        (chat, {"content": ""}, {"end": "content_filter"}, "produce output: Response withheld"),
        (response, None, {}, EMPTY + "completed"),
        (response, [{**TEXT, "content": []}], {}, EMPTY + "completed"),
        (response, None, CUT, EMPTY + "max_output_tokens"),
        (response, [{**TEXT, "content": [{"type": "refusal", "refusal": "I may not."}]}], {},
         REFUSED),
        (response, None, FAILED, "broke off its answer (out of memory)."),
    ],
)  # fmt: skip
async def test_a_refused_or_empty_reply_is_an_error(
    reply: Callable[..., Answer],
    made: Any,
    more: dict[str, Any],
    line: str,
    streamed: bool,
    server: LoopbackServer,
    session: SQLiteSession,
) -> None:
    os.environ["OPENAI_COMPATIBLE_API"] = "chat_completions" if reply is chat else "responses"
    server.next_answers = [reply(streamed, made, **more)]
    assert line in await error_line(session, streamed)


async def test_a_stream_of_events_that_breaks_off(
    server: LoopbackServer, session: SQLiteSession
) -> None:
    os.environ["OPENAI_COMPATIBLE_API"] = "responses"
    whole = response(True, [TEXT])
    begun = whole.body.partition('data: {"type": "response.completed"')[0]
    server.next_answers = [Answer(200, begun, EVENTS)]
    assert "sent a part of a reply; the stream ended early" in await error_line(session, True)


# Half an emoji


async def test_a_session_with_half_an_emoji_goes_on(
    api: str, streamed: bool, server: LoopbackServer, session: SQLiteSession
) -> None:
    half: Any = {"role": "user", "content": "a \ud83d b"}
    await session.add_items([half])
    result = await run(session, streamed, half["content"])
    assert result.final_output.startswith("I was sent")
    assert [item["content"] for item in server.requests[-1].items] == ["a \ufffd b"] * 2
    assert (await session.get_items())[:2] == [half] * 2, "stored as it came"


async def test_half_an_emoji_from_a_stream(server: LoopbackServer, session: SQLiteSession) -> None:
    server.next_answers = [chat(True, {"content": "a \ud83d"}, {"content": "\ude00 b"})]
    assert (await run(session, True)).final_output == "a \ufffd\ufffd b"
    await run(session, True, "Go on.")
    assert server.requests[-1].items[1]["content"] == "a \ufffd\ufffd b"


async def test_bytes_that_are_no_utf_8(streamed: bool, server: LoopbackServer) -> None:
    """As a server sends them that hands on a token which ends inside a character."""
    reply = chat(streamed, {"content": "a % b"})
    server.next_answers = [Answer(200, reply.body.replace("%", "\udcf0"), reply.content_type)]
    assert (await run(None, streamed)).final_output == "a \ufffd b"
