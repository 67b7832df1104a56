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
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import openai
import pytest
from agents import MaxTurnsExceeded, ModelBehaviorError, UserError
from agents.exceptions import ModelTimeoutError
from loopback_server import Answer, LoopbackServer

from session_lab.models.choose import ModelChoiceError, explain_error
from session_lab.models.errors import LONGEST_QUOTE

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-test-0123456789abcdef"
OPENAI = "https://api.openai.com/v1/responses"
SERVER = "http://127.0.0.1:11434/v1/chat/completions"

LESSON = """
import asyncio, os
from agents import Agent, Runner
from session_lab.models import choose as model_choice

model_choice.OPENAI_URL = os.environ.get("TEST_OPENAI_URL", model_choice.OPENAI_URL)

async def main():
    agent = Agent("Assistant", model=model_choice.choose_model())
    if os.environ["TEST_STREAMED"] == "no":
        result = await Runner.run(agent, "Hello")
    else:
        result = Runner.run_streamed(agent, "Hello")
        async for _ in result.stream_events():
            pass
    print("Assistant:", result.final_output)

asyncio.run(main())
"""


@pytest.fixture
def server(openai_unset: None) -> Iterator[LoopbackServer]:
    os.environ.pop("OPENAI_AGENTS_DISABLE_TRACING", None)  # Tracing as a reader has it.
    with LoopbackServer() as server:
        os.environ.update(
            OPENAI_BASE_URL=server.url,
            OPENAI_DEFAULT_MODEL="tiny-model",
            OPENAI_API_KEY=KEY,
            TEST_STREAMED="no",
        )
        yield server


def run_lesson(program: str = LESSON) -> subprocess.CompletedProcess[str]:
    """The lesson as a reader runs it, in a Python process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert KEY not in done.stdout + done.stderr
    assert KEY[:12] not in done.stdout + done.stderr, "not even the start of the key"
    return done


def failure(program: str = LESSON) -> str:
    """What a lesson that ends with status 1 says on stderr, below the line with its model."""
    done = run_lesson(program)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    model, line = done.stderr.splitlines()
    assert model.startswith("Model: ") and done.stderr.endswith("\n")
    return line


def failure_here() -> str:
    """The same in this process: a second faster, for the many forms of one error."""
    hook = sys.excepthook
    try:
        exec(LESSON, {})
    except Exception as error:
        line = explain_error(error)
    finally:
        sys.excepthook = hook
    assert line is not None
    return line


# A lesson and a server that fails

REFUSED_KEY = f"Incorrect API key provided: {KEY}. You can find yours at {KEY[:9]}*****cdef."
TOO_LONG = "request (5213 tokens) exceeds the available context size (4096 tokens)"
EVENTS = "text/event-stream"
OTHER_KIND = (
    "{url} answers, but not like an OpenAI-compatible server. Correct OPENAI_BASE_URL, which "
    "usually ends in /v1."
)


def refusal(status: int, message: str, **more: str | None) -> Answer:
    return Answer(status, json.dumps({"error": {"message": message, **more}}))


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (
            refusal(401, REFUSED_KEY, code="invalid_api_key"),
            "{url} refused the API key (401). Set OPENAI_API_KEY to a key that it accepts.",
        ),
        (
            refusal(403, f"{KEY} may not"),
            "{url} does not allow this request (403). Check that the account behind OPENAI_API_KEY "
            "may use this model, and from this country.",
        ),
        (
            refusal(429, "You exceeded your current quota", code="insufficient_quota"),
            "The API key has no quota left (429). Add credit, or remove the key to use the offline "
            "model.",
        ),
        (
            refusal(429, f"Rate limit reached for {KEY}. See your billing page."),
            "{url} received too many requests (429: Rate limit reached for [key]. See your billing "
            "page). Wait a minute, then run this again.",
        ),
        (
            refusal(404, "model 'tiny-model' not found", code=None),
            "{url} has no such model (404: model 'tiny-model' not found). Set OPENAI_DEFAULT_MODEL "
            "to one that {url}/models lists.",
        ),
        (
            refusal(400, TOO_LONG, type="exceed_context_size_error"),
            f"The conversation is longer than the model can read ({TOO_LONG}). Clear the session, "
            "or send less of it with SessionSettings(limit=...).",
        ),
        (
            refusal(500, f"crashed\n\x1b[31mwith {KEY}"),
            "{url} failed (500: crashed [31mwith [key]). Wait a moment, then run this again.",
        ),
        (Answer(200, "<html>Welcome!</html>", "text/html"), OTHER_KIND),
        (Answer(200, '{"ok": true}'), OTHER_KIND),
        (Answer(200, "ready"), OTHER_KIND),
    ],
)
@pytest.mark.parametrize("streamed", ["no", "yes"])
@pytest.mark.parametrize("api", ["chat_completions", "responses"])
def test_every_answer_that_is_no_reply(
    answer: Answer, line: str, streamed: str, api: str, server: LoopbackServer
) -> None:
    server.answer = answer
    os.environ.update(TEST_STREAMED=streamed, OPENAI_COMPATIBLE_API=api)
    assert failure_here() == line.format(url=server.url)


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (Answer(delay=50), "{url} did not answer in time. Try again, choose a smaller"),
        (Answer(200, "data: ", EVENTS, missing=99), "{url} did not answer in time. Try again"),
        (Answer(200, "data: [DONE]\n\n", EVENTS), "closed the stream without an answer"),
        (
            Answer(200, 'data: {"error": {"message": "out of memory"}}\n\n', EVENTS),
            "{url} broke off its answer (out of memory). Wait a moment, then run this again.",
        ),
    ],
)
def test_a_stream_that_is_no_whole_reply(answer: Answer, line: str, server: LoopbackServer) -> None:
    server.answer = answer
    is_slow = answer.delay or answer.missing
    os.environ.update(OPENAI_TIMEOUT="0.3" if is_slow else "30", TEST_STREAMED="yes")
    assert line.format(url=server.url) in failure_here()


def test_a_wrong_address(server: LoopbackServer) -> None:
    os.environ["OPENAI_BASE_URL"] = server.url.removesuffix("/v1")
    assert "has no such page (404). Correct OPENAI_BASE_URL" in failure_here()


def test_a_lesson_without_a_server(server: LoopbackServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    os.environ["OPENAI_BASE_URL"] = f"http://127.0.0.1:{port}/v1"
    assert failure() == (
        f"Nothing answers at http://127.0.0.1:{port}/v1. Start the server, or correct "
        "OPENAI_BASE_URL."
    )


def test_a_refused_key_of_openai_itself(server: LoopbackServer) -> None:
    """Tracing is on here, and its upload fails as well: nothing may be said about that."""
    server.fail(401, message=REFUSED_KEY, code="invalid_api_key")
    os.environ.update(OPENAI_BASE_URL="", TEST_OPENAI_URL=server.url)
    assert failure() == (
        f"{server.url} refused the API key (401). Set OPENAI_API_KEY to a key that it accepts."
    )


def test_a_setting_that_makes_no_sense(server: LoopbackServer) -> None:
    os.environ["OPENAI_TIMEOUT"] = "soon"
    done = run_lesson()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "OPENAI_TIMEOUT is 'soon': set it to a number of seconds, for instance 120.\n"
    )


def test_a_lesson_that_works(server: LoopbackServer) -> None:
    done = run_lesson()
    assert (done.returncode, done.stdout) == (0, "Assistant: I was sent 1 items.\n")
    assert done.stderr == f"Model: tiny-model at {server.url} (Chat Completions)\n"


# A lesson that ends in another way

OFFLINE = "import asyncio\nfrom session_lab.models import choose_model\nchoose_model()\n"
OFFLINE += "async def main():\n    {}\nasyncio.run(main())\n"


def test_a_folder_that_cannot_be_made_ends_with_one_line(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("not a folder")
    program = OFFLINE.format(f"import os; os.makedirs({str(file / 'more')!r})")
    assert failure(program) == (
        f"{file / 'more'} cannot be used (Not a directory). A file stands where a folder is "
        "needed: move it away."
    )


def test_a_bug_keeps_its_traceback() -> None:
    done = run_lesson(OFFLINE.format("print(undefined)"))
    assert done.returncode == 1
    assert "Traceback" in done.stderr and "NameError" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to a whole console")
def test_ctrl_c_ends_quietly() -> None:
    # A shell starts what runs in its background with Ctrl-C switched off.
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    program += OFFLINE.format("print('ready', flush=True); await asyncio.sleep(50)")
    command = [sys.executable, "-c", program]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as lesson:
        assert lesson.stdout is not None and lesson.stderr is not None
        while lesson.stdout.readline() != "ready\n":
            assert lesson.poll() is None
        lesson.send_signal(signal.SIGINT)
        assert lesson.wait(20) == -signal.SIGINT, "which a shell shows as status 130"
        assert lesson.stderr.read().splitlines()[1:] == [], "nothing after the model's name"


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    program = OFFLINE.format("for _ in range(9999): print('x' * 99, flush=True)")
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as lesson:
        assert lesson.stdout is not None and lesson.stderr is not None
        lesson.stdout.readline()
        lesson.stdout.close()
        assert lesson.stderr.read().splitlines()[1:] == [], "nothing after the model's name"


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
        (
            api_error(
                openai.RateLimitError, 429, OPENAI, {"retry-after": "7"}, message="Too many tokens."
            ),
            "OpenAI received too many requests (429: Too many tokens). Wait 7 seconds, then run "
            "this again.",
        ),
        (
            api_error(openai.RateLimitError, 429, OPENAI, {}, code="insufficient_quota"),
            "The API key has no quota left (429). Add credit at "
            "https://platform.openai.com/settings/organization/billing, or remove the key to use "
            "the offline model.",
        ),
        (
            api_error(openai.NotFoundError, 404, OPENAI, {}, message="The model `x` is unknown"),
            "OpenAI has no such model (404: The model `x` is unknown). Set OPENAI_DEFAULT_MODEL.",
        ),
        (
            api_error(openai.BadRequestError, 400, SERVER, {}, message="no tools here"),
            "http://127.0.0.1:11434/v1 rejected the request (400: no tools here). If this model "
            "cannot do what was asked, set OPENAI_DEFAULT_MODEL to another.",
        ),
        (
            connection_error(socket.gaierror(-2, "Name or service not known")),
            "The host of http://127.0.0.1:11434/v1 was not found. Check the network connection "
            "and OPENAI_BASE_URL.",
        ),
        (
            connection_error(socket.gaierror(-3, "Temporary failure"), OPENAI),
            "The host of OpenAI was not found. Check the network connection.",
        ),
        (
            connection_error(ConnectionRefusedError(), OPENAI),
            "OpenAI cannot be reached. Check the network connection and any proxy settings.",
        ),
        (
            openai.APITimeoutError(httpx2.Request("POST", OPENAI)),
            "OpenAI did not answer in time. Try again, choose a smaller model, or wait longer: set "
            "OPENAI_TIMEOUT to a number of seconds.",
        ),
        (
            httpx2.ReadTimeout("", request=httpx2.Request("POST", SERVER)),
            "http://127.0.0.1:11434/v1 did not answer in time. Try again, choose a smaller model, "
            "or wait longer: set OPENAI_TIMEOUT to a number of seconds.",
        ),
        (
            httpx2.RemoteProtocolError("closed", request=httpx2.Request("POST", SERVER)),
            "http://127.0.0.1:11434/v1 broke off the connection. Check its log, then run this "
            "again.",
        ),
        (
            MaxTurnsExceeded("Max turns (10) exceeded"),
            "The agent stopped without an answer: Max turns (10) exceeded. Ask again in other "
            "words, or raise max_turns.",
        ),
        (
            ModelBehaviorError("Tool x not found"),
            "The model answered in a form that the SDK cannot use: Tool x not found. Try again, or "
            "set OPENAI_DEFAULT_MODEL to a more capable model.",
        ),
        (ModelTimeoutError(1.0), "The model did not answer in time. Try again."),
        (
            UserError("Unknown prefix: qwen"),
            "OpenAI has no model of the name in OPENAI_DEFAULT_MODEL (Unknown prefix: qwen). "
            "Correct it, or set OPENAI_BASE_URL to the server that has it.",
        ),
        (ModelChoiceError("Set this."), "Set this."),
        (
            sqlite3.OperationalError("database or disk is full"),
            "The database file cannot be used (database or disk is full). The disk is full: free "
            "some space.",
        ),
        (
            OSError(errno.ENOSPC, "No space left"),
            "A file cannot be written (No space left). The disk is full: free some space.",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_what_is_said(error: BaseException, line: str) -> None:
    assert explain_error(error) == line


def test_the_page_of_a_proxy_is_not_repeated() -> None:
    request = httpx2.Request("POST", SERVER)
    page = "<html><h1>502 Bad Gateway</h1></html>"
    response = httpx2.Response(502, request=request, text=page)
    error = openai.InternalServerError(page, response=response, body=page)
    line = explain_error(error)
    assert line is not None and "(502: Bad Gateway)" in line and "<" not in line


def test_a_long_message_is_cut() -> None:
    error = api_error(openai.InternalServerError, 500, SERVER, {}, message="x" * 9999)
    line = explain_error(error)
    assert line is not None and len(line) < LONGEST_QUOTE + 120


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
    ("number", "remedy"),
    [
        (errno.EACCES, "change its permissions"),
        (errno.EROFS, "read-only"),
        (errno.ENOTDIR, "A file stands where a folder is needed"),
        (errno.EEXIST, "A file stands where a folder is needed"),
        (errno.EISDIR, "A folder stands where a file is needed"),
        (errno.ENOSPC, "free some space"),
    ],
)
def test_what_is_said_of_a_folder(number: int, remedy: str) -> None:
    line = explain_error(OSError(number, os.strerror(number), "/data"))
    assert line is not None and line.startswith("/data cannot be used (") and remedy in line


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        KeyError("x"),
        OSError("x"),
        FileNotFoundError(2, "No file", "/x"),
        PermissionError(errno.EACCES, "x"),
        sqlite3.OperationalError("no such table: x"),
    ],
)
def test_a_bug_is_not_explained_away(error: Exception) -> None:
    assert explain_error(error) is None
