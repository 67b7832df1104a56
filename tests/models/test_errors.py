"""Every error that a reader can mend: one line with its cause and its remedy, and never a key."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx2
import openai
import pytest
from agents import Agent, MaxTurnsExceeded, ModelBehaviorError, UserError
from agents.exceptions import ModelTimeoutError
from loopback_server import EVENTS, Answer, LoopbackServer
from readme_checks import ROOT
from test_servers import run

from session_lab.models.choose import (
    ModelChoiceError,
    choose_model,
    configured_model,
    explain_error,
)
from session_lab.models.errors import LONGEST_QUOTE

KEY = "sk-test-0123456789abcdef"
OPENAI = "https://api.openai.com/v1/responses"
SERVER = "http://127.0.0.1:11434/v1/chat/completions"


# A server that fails


@pytest.fixture
def server(server: LoopbackServer) -> LoopbackServer:
    os.environ["OPENAI_API_KEY"] = KEY
    return server


async def failure(streamed: bool) -> str | None:
    """What is said of the error that ends a run."""
    with pytest.raises(Exception) as raised:
        await run(Agent("Assistant", model=configured_model()), "Hello", streamed=streamed)
    return explain_error(raised.value)


REFUSED_KEY = f"Incorrect API key provided: {KEY}. You can find yours at {KEY[:9]}*****cdef."
TOO_LONG = "request (5213 tokens) exceeds the available context size (4096 tokens)"
NO_API = "{url} answers, but not like an OpenAI-compatible server. Correct OPENAI_BASE_URL"


def refusal(status: int, message: str, **more: str | None) -> Answer:
    return Answer(status, json.dumps({"error": {"message": message, **more}}))


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (refusal(401, REFUSED_KEY, code="invalid_api_key"), "{url} refused the API key (401). Set"),
        (refusal(403, f"{KEY} may not"), "{url} does not allow this request (403). Check that"),
        (refusal(429, "You exceeded your current quota", code="insufficient_quota"),
         "The API key has no quota left (429). Add credit, or remove the key to use the offline"),
        (refusal(429, f"Rate limit reached for {KEY}. See your billing page."),
         "{url} received too many requests (429: Rate limit reached for [key]. See your billing "
         "page). Wait a minute, then run this again."),
        (refusal(404, "model 'tiny-model' not found", code=None),
         "{url} has no such model (404: model 'tiny-model' not found). Set OPENAI_DEFAULT_MODEL "
         "to one that {url}/models lists."),
        (refusal(400, TOO_LONG, type="exceed_context_size_error"),
         f"The conversation is longer than the model can read ({TOO_LONG}). Clear the session"),
        (refusal(500, f"crashed\n\x1b[31mwith {KEY}"),
         "{url} failed (500: crashed [31mwith [key]). Wait a moment, then run this again."),
        (refusal(500, "x" * 9999), f"{{url}} failed (500: {'x' * LONGEST_QUOTE}…). Wait a moment"),
        (Answer(502, "<html><h1>502 Bad Gateway</h1></html>", "text/html"),
         "{url} failed (502: Bad Gateway). Wait a moment"),
        (Answer(503, "Loading the model", "text/plain"),
         "{url} failed (503: Loading the model). Wait a moment"),
        (refusal(400, "no tools here"), "{url} rejected the request (400: no tools here). If this"),
        (Answer(404, "404 page not found", "text/plain"),
         "{url} has no such page (404). Correct OPENAI_BASE_URL, which usually ends in /v1, or "
         "set OPENAI_COMPATIBLE_API"),
        (Answer(200, "<html>Welcome!</html>", "text/html"), NO_API),
        (Answer(200, "ready"), NO_API),
        (Answer(200, '{"status": "ready"}'), NO_API),
    ],
    ids=lambda value: value.status if isinstance(value, Answer) else "",
)  # fmt: skip
@pytest.mark.parametrize(
    ("api", "streamed"), [("responses", False), ("chat_completions", True)], indirect=["api"]
)
async def test_an_answer_that_is_no_reply(
    answer: Answer, line: str, streamed: bool, api: str, server: LoopbackServer
) -> None:
    server.answer = answer
    said = await failure(streamed)
    assert said is not None and said.startswith(line.format(url=server.url))
    assert KEY not in said and "\n" not in said


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (Answer(delay=50), "{url} did not answer in time. Try again, choose a smaller"),
        (Answer(200, "data: ", EVENTS, missing=99), "{url} did not answer in time. Try again"),
        (Answer(200, "data: [DONE]\n\n", EVENTS), "{url} sent an empty reply; the stream"),
    ],
)
async def test_a_stream_that_is_no_whole_reply(
    answer: Answer, line: str, server: LoopbackServer
) -> None:
    server.answer = answer
    if answer.delay or answer.missing:
        os.environ["OPENAI_TIMEOUT"] = "0.3"
    assert line.format(url=server.url) in str(await failure(streamed=True))


async def test_a_server_that_is_not_there(server: LoopbackServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
    os.environ["OPENAI_BASE_URL"] = url
    line = f"Nothing answers at {url}. Start the server, or correct OPENAI_BASE_URL."
    assert await failure(streamed=False) == line


# How a program ends

PROGRAM = """
import asyncio, signal
from agents import Agent, Runner
from session_lab.models import choose, choose_model

signal.signal(signal.SIGINT, signal.default_int_handler)  # In a shell's background it is off.
choose.OPENAI_URL = {url!r}
agent = Agent("Assistant", model=choose_model())

async def main():
    {line}

asyncio.run(main())
"""


def start(line: str, url: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM.format(line=line, url=url)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_refused_key_of_openai_ends_a_program_with_one_line(server: LoopbackServer) -> None:
    """Tracing is on here, and its upload fails as well: nothing may be said about that."""
    server.fail(401, message=REFUSED_KEY, code="invalid_api_key")
    for name in ("OPENAI_AGENTS_DISABLE_TRACING", "OPENAI_BASE_URL"):
        os.environ.pop(name, None)
    with start("await Runner.run(agent, 'Hello')", server.url) as program:
        printed, said = program.communicate(timeout=60)
    assert (program.returncode, printed) == (1, "")
    model, line = said.splitlines()
    assert model == "Model: tiny-model at OpenAI"
    assert line == (
        f"{server.url} refused the API key (401). Set OPENAI_API_KEY to a key that it accepts."
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to a whole console")
def test_ctrl_c_ends_quietly() -> None:
    with start("print('ready', flush=True); await asyncio.Event().wait()") as program:
        assert program.stdout is not None and program.stderr is not None
        assert program.stdout.readline() == "ready\n"
        program.send_signal(signal.SIGINT)
        assert program.wait(20) == -signal.SIGINT, "which a shell shows as status 130"
        assert program.stderr.read().splitlines()[1:] == [], "nothing after the model's name"


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    with start("for _ in range(9999): print('x' * 99, flush=True)") as program:
        assert program.stdout is not None and program.stderr is not None
        program.stdout.readline()
        program.stdout.close()
        assert program.stderr.read().splitlines()[1:] == [], "nothing after the model's name"


def test_a_bug_keeps_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # Put back after the test.
    choose_model()
    try:
        raise NameError("undefined")
    except NameError:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    said = capsys.readouterr().err
    assert "Traceback" in said and "NameError: undefined" in said


# What is said of an error object


def api_error(
    kind: type[openai.APIStatusError], status: int, url: str, headers: dict[str, str], **body: str
) -> openai.APIStatusError:
    response = httpx2.Response(status, headers=headers, request=httpx2.Request("POST", url))
    return kind(body.get("message", "no message"), response=response, body=body)


def connection_error(cause: Exception, url: str = SERVER) -> openai.APIConnectionError:
    error = openai.APIConnectionError(request=httpx2.Request("POST", url))
    error.__cause__ = httpx2.ConnectError("All connection attempts failed")
    error.__cause__.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (api_error(openai.RateLimitError, 429, OPENAI, {"retry-after": "7"}, message="Too many."),
         "OpenAI received too many requests (429: Too many). Wait 7 seconds, then"),
        (api_error(openai.RateLimitError, 429, OPENAI, {}, code="insufficient_quota"),
         "The API key has no quota left (429). Add credit at https://platform.openai.com/"),
        (api_error(openai.NotFoundError, 404, OPENAI, {}, message="The model `x` is unknown"),
         "OpenAI has no such model (404: The model `x` is unknown). Set OPENAI_DEFAULT_MODEL."),
        (connection_error(socket.gaierror(-2, "Name or service not known")),
         "The host of http://127.0.0.1:11434/v1 was not found. Check the network connection and "
         "OPENAI_BASE_URL."),
        (connection_error(socket.gaierror(-3, "Temporary failure"), OPENAI),
         "The host of OpenAI was not found. Check the network connection."),
        (connection_error(ConnectionRefusedError(), OPENAI), "OpenAI cannot be reached. Check"),
        (openai.APITimeoutError(httpx2.Request("POST", OPENAI)), "OpenAI did not answer in time."),
        (httpx2.RemoteProtocolError("closed", request=httpx2.Request("POST", SERVER)),
         "http://127.0.0.1:11434/v1 broke off the connection. Check its log, then run this again."),
        (MaxTurnsExceeded("Max turns (10) exceeded"),
         "The agent stopped without an answer: Max turns (10) exceeded. Ask again in other words"),
        (ModelBehaviorError("Tool x not found"),
         "The model answered in a form that the SDK cannot use: Tool x not found. Try again, or"),
        (ModelTimeoutError(1.0), "The model did not answer in time. Try again."),
        (UserError("Unknown prefix: qwen"),
         "OpenAI has no model of the name in OPENAI_DEFAULT_MODEL (Unknown prefix: qwen)."),
        (ModelChoiceError("Set this."), "Set this."),
        (sqlite3.OperationalError("database or disk is full"),
         "The database file cannot be used (database or disk is full). The disk is full: free"),
        (OSError(errno.ENOSPC, "No space left"),
         "A file cannot be written (No space left). The disk is full: free some space."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)  # fmt: skip
def test_what_is_said(error: BaseException, line: str) -> None:
    assert str(explain_error(error)).startswith(line)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("plain-key-of-my-server", "you sent plain-key-of-my-server"),
        ("sk-other", "Authorization: Bearer abc.def failed"),
        ("sk-other", "sk-proj-Ab_1-23*** is wrong"),
        ("a(b", "you sent a(b"),
    ],
)
def test_no_key_is_repeated(key: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    error = api_error(openai.InternalServerError, 500, SERVER, {}, message=said)
    line = explain_error(error)
    assert line is not None and "[key]" in line
    assert not any(part in line for part in (key, "abc.def", "Ab_1", "23*"))


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("locked.db", "close that program"),
        ("good.db?mode=ro", "change its permissions"),
        ("none/x.db", "Check that its folder exists"),
        ("text.db", "move it away or choose another path"),
    ],
)
def test_what_is_said_of_a_database(name: str, remedy: str, tmp_path: Path) -> None:
    """SQLite itself raises the errors."""
    for file in ("locked.db", "good.db"):
        with closing(sqlite3.connect(tmp_path / file)) as made:
            made.execute("CREATE TABLE t (x)")
    (tmp_path / "text.db").write_text("This is a text file. " * 50)
    with closing(sqlite3.connect(tmp_path / "locked.db", isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.Error) as raised:
            uri = f"{tmp_path.as_uri()}/{name}"
            with closing(sqlite3.connect(uri, timeout=0, uri=True)) as database:
                database.execute("INSERT INTO t VALUES (1)")
    line = explain_error(raised.value)
    assert line is not None and remedy in line and str(raised.value) in line


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("EACCES", "change its permissions"),
        ("EROFS", "read-only"),
        ("ENOTDIR", "A file stands where a folder is needed"),
        ("EISDIR", "A folder stands where a file is needed"),
        ("ENOSPC", "free some space"),
    ],
)
def test_what_is_said_of_a_folder(name: str, remedy: str) -> None:
    line = str(explain_error(OSError(getattr(errno, name), "Why", "/data")))
    assert line.startswith("/data cannot be used (Why). ") and remedy in line


def test_a_bug_is_not_explained_away() -> None:
    wrong = [ValueError("x"), OSError("x"), FileNotFoundError(2, "No file", "/x")]
    wrong += [PermissionError(errno.EACCES, "x"), sqlite3.OperationalError("no such table: x")]
    assert [error for error in wrong if explain_error(error) is not None] == []
