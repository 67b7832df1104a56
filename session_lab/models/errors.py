"""What went wrong, in one line that a person can act on: the cause, then the remedy."""

from __future__ import annotations

import errno
import os
import re
import socket
import sqlite3
import ssl
from collections.abc import Container
from dataclasses import dataclass

import httpx2
from agents.exceptions import (
    MaxTurnsExceeded,
    ModelBehaviorError,
    ModelRefusalError,
    ModelTimeoutError,
    UserError,
)
from openai import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
)

from session_lab.models.wire import ReplyError, read_json

LONGEST_QUOTE = 240
"""Characters of a server's own message that are repeated."""


class ModelChoiceError(ValueError):
    """The settings do not lead to a model. Its text is the line to show."""


@dataclass(frozen=True)
class _Cause:
    """Errors that have one sentence. What is not given fits every error of the type."""

    error: type[BaseException] | tuple[type[BaseException], ...]
    number: Container[int] = range(1000)  # The status of HTTP, or the `errno` of a file.
    says: tuple[str, ...] = ("",)  # One of them is in its status, code, type or message.
    root: type[BaseException] = BaseException  # The type of an error that led to it, or its own.
    server: str = ""


_CONNECTION = (APIConnectionError, httpx2.TransportError)  # While a reply streams, not wrapped.
_OPENAI = "OpenAI"
_BILLING = "https://platform.openai.com/settings/organization/billing"
_TOO_LONG = ("context_length", "context length", "context size", "exceed_context", "context window")
_NO_QUOTA = (
    *("status 402", "insufficient_quota", "current quota", "billing_hard_limit"),
    "insufficient credit",
)
NOT_AN_API = (
    "{server} answers, but not like an OpenAI-compatible server. Correct OPENAI_BASE_URL, which "
    "usually ends in /v1."
)
_NAMES_OF_WORDS = (
    *("message", "msg", "detail", "details"),
    *("error", "errors", "error_description", "reason", "title"),
)
"""Where the JSON of an error says what is wrong, the plainest first."""
_PERMISSIONS = "It may not be written: change its permissions or those of its folder."
_REPLACED = "Another file is in its place: start the app again to use that."
_FULL = "The disk is full: free some space."

# The first that fits is said. `said` is the server's message, which may hold a part of a key that
# it refuses, so the sentences for such a key do without.
_SENTENCES = {
    _Cause(ModelChoiceError): "{error}",
    _Cause((APITimeoutError, httpx2.TimeoutException)): (
        "{server} did not answer in time. Try again, choose a smaller model, or wait longer: "
        "set OPENAI_TIMEOUT to a number of seconds."
    ),
    _Cause(_CONNECTION, root=socket.gaierror): (
        "The host of {server} was not found. Check the network connection{and_address}."
    ),
    _Cause(_CONNECTION, root=ssl.SSLError): (
        "No secure connection to {server} ({root}). Check the address: http or https?"
    ),
    _Cause(_CONNECTION, root=httpx2.ConnectError, server=_OPENAI): (
        "OpenAI cannot be reached. Check the network connection and any proxy settings."
    ),
    _Cause(_CONNECTION, root=httpx2.ConnectError): (
        "Nothing answers at {server}. Start the server, or correct OPENAI_BASE_URL."
    ),
    _Cause(_CONNECTION): ("{server} broke off the connection. Check its log, then run this again."),
    _Cause(APIResponseValidationError): NOT_AN_API,
    _Cause(APIStatusError, (401,)): (
        "{server} refused the API key (401). Set OPENAI_API_KEY to a key that it accepts."
    ),
    _Cause(APIStatusError, (403,)): (
        "{server} does not allow this request (403). Check that the account behind OPENAI_API_KEY "
        "may use this model, and from this country."
    ),
    _Cause(APIStatusError, (402, 429), _NO_QUOTA): (
        "The API key has no quota left ({error.status_code}). Add credit{at_page}, or remove the "
        "key to use the offline model."
    ),
    _Cause(APIStatusError, (429,)): (
        "{server} received too many requests (429: {said}). Wait {wait}, then run this again."
    ),
    _Cause(APIStatusError, (404,), ("model",)): (
        "{server} has no such model (404: {said}). Set OPENAI_DEFAULT_MODEL{to_listed}."
    ),
    _Cause(APIStatusError, (404,)): (
        "{server} has no such page (404). Correct OPENAI_BASE_URL, which usually ends in /v1, or "
        "set OPENAI_COMPATIBLE_API to the API that the server speaks."
    ),
    _Cause(APIError, says=_TOO_LONG): (
        "The conversation is longer than the model can read ({said}). Clear the session, or send "
        "less of it with SessionSettings(limit=...)."
    ),
    _Cause(APIStatusError, range(500, 1000)): (
        "{server} failed ({error.status_code}: {said}). Wait a moment, then run this again."
    ),
    _Cause(APIStatusError): (
        "{server} rejected the request ({error.status_code}: {said}). If this model cannot do "
        "what was asked, set OPENAI_DEFAULT_MODEL to another."
    ),
    _Cause(ReplyError): (
        "{server} sent {said}. Ask again. If that does not help, let the model write more tokens "
        "(ModelSettings.max_tokens), or set OPENAI_DEFAULT_MODEL to another."
    ),
    _Cause(APIError): (
        "{server} broke off its answer ({said}). Wait a moment, then run this again."
    ),
    _Cause(ModelTimeoutError): "The model did not answer in time. Try again.",
    _Cause(MaxTurnsExceeded): (
        "The agent stopped without an answer: {said}. Ask again in other words, or raise max_turns."
    ),
    _Cause(ModelRefusalError): "{said}. Ask in other words.",
    _Cause(ModelBehaviorError): (
        "The model answered in a form that the SDK cannot use: {said}. Try again, or set "
        "OPENAI_DEFAULT_MODEL to a more capable model."
    ),
    _Cause(RecursionError, says=("json",)): (
        "A row of this session holds JSON that nests too deep to be read. Undo the turns from "
        "there on, or make a repaired copy."
    ),
    _Cause(UserError, says=("unknown prefix",)): (
        "OpenAI has no model of the name in OPENAI_DEFAULT_MODEL ({said}). Correct it, or set "
        "OPENAI_BASE_URL to the server that has it."
    ),
    _Cause(UserError, says=("item", "content", "supported")): (
        "The SDK cannot send this conversation ({said}). Take that item out of the session, or set "
        "OPENAI_COMPATIBLE_API=responses if the server has that API."
    ),
    **{
        _Cause(sqlite3.Error, says=(sign,)): "The database file cannot be used ({said}). " + remedy
        for sign, remedy in {
            "locked": "Another program is writing to it: close that program, then run this again.",
            "readonly": _PERMISSIONS,
            "unable to open": "Check that its folder exists and may be written.",
            "is full": _FULL,
            "disk i/o": "The disk cannot be read or written: check it and its free space.",
            "not a database": "It is another kind of file: move it away or choose another path.",
            "no such table: agent_": _REPLACED,
            "no such table: lab_": _REPLACED,
            "malformed": "It is damaged: restore a copy, or move it away to start anew.",
        }.items()
    },
    **{
        _Cause(OSError, numbers): "{file} ({error.strerror}). " + remedy
        for numbers, remedy in {
            (errno.EACCES, errno.EPERM): _PERMISSIONS,
            (errno.EROFS,): "The disk is read-only: run this from a copy on another disk.",
            (errno.ENOTDIR, errno.EEXIST): "A file stands where a folder is needed: move it away.",
            (errno.EISDIR,): "A folder stands where a file is needed: move it away.",
            (errno.ENOSPC,): _FULL,
        }.items()
    },
}


def explain_error(error: BaseException) -> str | None:
    """One readable line for an error that the reader can mend, None for any other. Never a key."""
    chain, server = [error], ""
    while cause := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(cause)
    if isinstance(error, (APIError, *_CONNECTION)):
        server = server_name(str(error.request.url))
        server = re.sub(r"/(chat/completions|responses|models)$", "", server)
    said = quote(_server_message(error) if isinstance(error, APIError) else str(error))
    name = getattr(error, "filename", None)
    file = f"{name} cannot be used" if name else "A file cannot be written"
    number, wait = 0, "a minute"
    if isinstance(error, APIStatusError):
        number = error.status_code
        after = error.response.headers.get("retry-after", "")
        wait = f"{after} seconds" if after.isdigit() else wait
    elif isinstance(error, OSError) and (name or error.errno == errno.ENOSPC):
        number = error.errno or 0  # For no other nameless file can a person do anything.
    facts = {"error": error, "server": server, "said": said, "wait": wait, "file": file}
    is_openai = server == _OPENAI
    facts["and_address"] = "" if is_openai else " and OPENAI_BASE_URL"
    facts["at_page"] = f" at {_BILLING}" if is_openai else ""
    facts["to_listed"] = "" if is_openai else f" to one that {server}/models lists"
    codes = (getattr(error, "code", ""), getattr(error, "type", ""))
    about = f"status {number} {' '.join(map(str, codes))} {said}".lower()
    for fits, sentence in _SENTENCES.items():
        root = next((each for each in chain if isinstance(each, fits.root)), None)
        if (
            isinstance(error, fits.error)
            and number in fits.number
            and any(sign in about for sign in fits.says)
            and root is not None
            and server.startswith(fits.server)
        ):
            return redacted(sentence.format(root=quote(str(root)), **facts))
    return None


def server_name(url: str) -> str:
    """The address of a server, without a user name, password or query."""
    parts = httpx2.URL(url)
    if parts.host == "api.openai.com":
        return _OPENAI
    return str(parts.copy_with(userinfo=b"", query=None, fragment=None)).rstrip("/")


def _server_message(error: APIError) -> str:
    """The server's own words, wherever its answer has them."""
    body = error.body
    if isinstance(error, APIStatusError):
        text = error.response.text.strip()
        if text.startswith("<"):
            return error.response.reason_phrase  # The page of a proxy says no more than its status.
        body = text or body
    return _words(body) or error.message


def _words(body: object) -> str:
    if isinstance(body, str):
        return _words(read_json(body)) or body  # Some pass on the answer of another one, as text.
    if isinstance(body, list):
        return "; ".join(filter(None, map(_words, body)))
    if isinstance(body, dict):
        return next(filter(None, (_words(body.get(name)) for name in _NAMES_OF_WORDS)), "")
    return ""


def quote(text: str) -> str:
    """One line of what somebody else said, without a key and never longer than `LONGEST_QUOTE`."""
    line = redacted(text).rstrip(". ")
    return line if len(line) <= LONGEST_QUOTE else f"{line[:LONGEST_QUOTE]}…"


def redacted(text: str) -> str:
    """One line without control characters and without a key. Servers repeat the key they refuse."""
    key = os.environ.get("OPENAI_API_KEY", "").strip()
    if key:
        text = text.replace(key, "[key]")
    text = re.sub(r"\bsk-[\w*.-]+|(?i:bearer)\s+\S+", "[key]", text)
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
