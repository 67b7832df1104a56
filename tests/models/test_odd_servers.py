"""Servers that are only compatible: it works, or one line says why, and nothing stored is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, cast

import pytest
from agents import SQLiteSession
from loopback_server import CHAT, EVENTS, Answer, LoopbackServer, chat
from readme_checks import ROOT
from test_mended_replies import error_line, run

from session_lab.models import choose
from session_lab.models.choose import ModelChoiceError, configured_model, explain_error

# What a server wants or refuses


CALL = {"id": "c-1", "function": {"name": "order_status", "arguments": '{"order_id": "A-1"}'}}
REASONED = {"content": None, "reasoning_content": "A tool knows.", "tool_calls": [CALL]}


@pytest.mark.parametrize("model", ["tiny-model", "deepseek-chat"])
async def test_reasoning_content_goes_back_to_the_server(
    model: str, streamed: bool, server: LoopbackServer, session: SQLiteSession
) -> None:
    os.environ["OPENAI_DEFAULT_MODEL"] = model
    server.next_answers = [chat(streamed, REASONED, end="tool_calls")]
    await run(session, streamed)
    await run(session, streamed, "And now?")
    for request in server.requests[1:]:
        [asking] = [item for item in request.items if item.get("tool_calls")]
        assert asking["reasoning_content"] == "A tool knows."


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, {"error": {"message": "Unrecognized request argument supplied: {}"}}),
        (422, {"detail": [{"loc": ["body", "{}"], "msg": "Extra inputs are not permitted"}]}),
    ],
)
@pytest.mark.parametrize("field", ["stream_options", "reasoning_content"])
async def test_a_server_that_refuses_a_field_is_asked_without_it(
    field: str, status: int, said: Any, server: LoopbackServer, session: SQLiteSession
) -> None:
    refusal = Answer(status, json.dumps(said).replace("{}", field))
    cut = chat(True, {"content": "Oslo is"}, end="length")
    server.next_answers = [chat(True, REASONED, end="tool_calls"), refusal, cut]
    assert (await run(session, True)).final_output == "Oslo is"
    assert cast(Any, (await session.get_items())[-1])["status"] == "incomplete"
    await run(session, True, "And now?")
    bodies = [json.dumps(request.body) for request in server.requests]
    sent = [f'"{field}"' in body for body in bodies]
    assert sent == [field == "stream_options", True, False, False], "asked once more; remembered"


# Errors in the server's own words


@pytest.mark.parametrize(
    "body",
    [
        '{"detail": "the model is asleep"}',
        '{"detail": [{"loc": ["body"], "msg": "the model is asleep"}]}',
        '{"error": "the model is asleep"}',
        '{"error": null, "message": "the model is asleep"}',
        '{"error": {"message": {"message": "the model is asleep"}}}',
        '{"error": {"error": {"code": 7, "message": "the model is asleep"}}}',
        '{"error": {"message": "{\\"error\\": {\\"message\\": \\"the model is asleep\\"}}"}}',
        '{"errors": [{"message": "the model is asleep"}]}',
        '[{"error": {"message": "the model is asleep"}}]',
        '"the model is asleep"',
        "the model is asleep",
    ],
)
async def test_an_error_in_the_words_of_the_server(
    body: str, server: LoopbackServer, session: SQLiteSession
) -> None:
    server.next_answers = [Answer(503, body)]
    assert "(503: the model is asleep)" in await error_line(session, streamed=False)


@pytest.mark.parametrize("body", ['{"error": "asleep"}', '{"error": {"message": "asleep"}}'])
@pytest.mark.parametrize(
    ("kind", "streamed"), [("application/json", False), ("application/json", True), (EVENTS, True)]
)
async def test_an_error_that_calls_itself_a_success(
    body: str, kind: str, streamed: bool, server: LoopbackServer, session: SQLiteSession
) -> None:
    server.next_answers = [Answer(200, f"data: {body}\n\n" if kind == EVENTS else body, kind)]
    assert "broke off its answer (asleep)" in await error_line(session, streamed)


IMAGE = "data:image/png;base64," + "A" * 40_000
CANNOT_BE_SENT: list[Any] = [
    {"role": "user", "content": [{"type": "input_magic", "image_url": IMAGE}]},
    {"type": "item_reference", "id": "x" * 40_000},
    {"type": "function_call_output", "call_id": "c-1"},
]


@pytest.mark.parametrize("item", CANNOT_BE_SENT, ids=lambda item: item.get("type", "message"))
async def test_a_line_about_an_item_never_holds_the_whole_item(
    item: Any, streamed: bool, server: LoopbackServer, session: SQLiteSession
) -> None:
    await session.add_items([item])
    with pytest.raises(Exception) as raised:
        await run(session, streamed)
    line = explain_error(raised.value)
    assert line is not None and len(line) < 600
    assert line.startswith("The SDK cannot send this conversation (")
    assert len(await session.get_items()) == 2


PROGRAM = """
import asyncio
from agents import Agent, Runner
from session_lab.models import choose_model

agent = Agent("Assistant", model=choose_model())
print(asyncio.run(Runner.run(agent, "Hello")).final_output)
"""


def start() -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM]
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, encoding="cp1252"
    )


def test_a_lesson_prints_what_it_can_and_says_in_one_line_that_a_reply_is_cut(
    server: LoopbackServer,
) -> None:
    server.answer = chat(False, {"content": "\u2192 Zoë 😀"}, end="length")
    done = start()
    assert (done.returncode, done.stdout) == (0, "\\u2192 Zoë \\U0001f600\n")
    [_, line] = done.stderr.splitlines()
    assert line == "The reply is cut; it ended with: length. Ask the model to go on."


# While the client is built


CERT = {"SSL_CERT_FILE": "/none/ca.pem"}
NO_CERT = "[Errno 2] No such file or directory"


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"ALL_PROXY": "socks5://user:secret@127.0.0.1:1080"}, "Using SOCKS proxy, but"),
        ({"https_proxy": "http://[::1"}, "Invalid port: ':1'"),
        (CERT, NO_CERT),
        ({**CERT, "OPENAI_BASE_URL": "", "OPENAI_API_KEY": "sk-secret"}, NO_CERT),
        ({"all_proxy": "socks4://a:secret@127.0.0.1:1", "OPENAI_DEFAULT_MODEL": ""}, "Unknown"),
    ],
)
def test_what_goes_wrong_while_the_client_is_built(
    settings: dict[str, str], cause: str, server: LoopbackServer
) -> None:
    for name in choose.HTTP_VARIABLES:
        os.environ.pop(name, None)
    os.environ.update(settings)
    with pytest.raises(ModelChoiceError) as raised:
        configured_model()
    line = str(raised.value)
    assert line.startswith(f"No HTTP client can be made ({cause}") and "secret" not in line
    assert line.endswith(f"). Check what is set as {next(iter(settings))}.")


def test_a_certificate_that_is_not_there_ends_a_lesson_with_one_line(openai_unset: None) -> None:
    """Offline, too: switching the SDK's tracing off makes its client."""
    os.environ.update(CERT)
    done = start()
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"No HTTP client can be made ({NO_CERT}")


async def test_an_address_with_a_query(streamed: bool, server: LoopbackServer) -> None:
    os.environ["OPENAI_BASE_URL"] = f"{server.url}?api-version=3&key=secret"
    del os.environ["OPENAI_DEFAULT_MODEL"]
    server.next_answers = [Answer(body='{"data": [{"id": "tiny-model"}]}'), Answer(503, "Busy")]
    with pytest.raises(Exception) as raised:
        await run(None, streamed)
    assert [request.path for request in server.requests] == [
        f"{path}?api-version=3&key=secret" for path in ("/v1/models", CHAT)
    ]
    assert str(explain_error(raised.value)).startswith(f"{server.url} failed (503: Busy).")
