"""What went wrong, in one line that a person can act on: the cause, then the remedy."""

from __future__ import annotations

import errno
import os
import re
import socket
import sqlite3
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2
from agents.exceptions import MaxTurnsExceeded, ModelBehaviorError, ModelTimeoutError, UserError
from openai import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
)

LONGEST_QUOTE = 240
"""Characters of a server's own message that are repeated."""


class ModelChoiceError(ValueError):
    """The settings do not lead to a model. Its text is the line to show."""


def explain_error(error: BaseException) -> str | None:
    """One readable line for an error that the reader can mend, None for any other. Never a key."""
    if isinstance(error, ModelChoiceError):
        return redacted(str(error))
    if isinstance(error, APIError):
        return _explain_api_error(error)
    if isinstance(error, httpx2.TransportError):  # While a reply streams, it is not wrapped.
        server = _server_of(error.request)
        slow = isinstance(error, httpx2.TimeoutException)
        return _too_slow(server) if slow else _explain_connection(error, server)
    if isinstance(error, sqlite3.Error):
        return _explain_database_error(error)
    if isinstance(error, OSError):
        return _explain_file_error(error)
    return _explain_run_error(error)


def server_name(url: str) -> str:
    """The address of a server, without a user name, password or query."""
    parts = urlsplit(url)
    if parts.hostname == "api.openai.com":
        return "OpenAI"
    port = f":{parts.port}" if parts.port else ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def _explain_api_error(error: APIError) -> str:
    server = _server_of(error.request)
    if isinstance(error, APITimeoutError):
        return _too_slow(server)
    if isinstance(error, APIConnectionError):
        return _explain_connection(error, server)
    if isinstance(error, APIResponseValidationError):
        return not_an_api(server)
    said = _quote(_server_message(error))
    if isinstance(error, APIStatusError):
        return _explain_status(error, server, said)
    return _explain_request(error, server, said)


def _server_of(request: httpx2.Request) -> str:
    return server_name(re.sub(r"/(chat/completions|responses|models)$", "", str(request.url)))


def _too_slow(server: str) -> str:
    return (
        f"{server} did not answer in time. Try again, choose a smaller model, or wait longer: "
        "set OPENAI_TIMEOUT to a number of seconds."
    )


def _explain_connection(error: Exception, server: str) -> str:
    causes = list(_causes(error))
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        setting = "" if server == "OpenAI" else " and OPENAI_BASE_URL"
        return f"The host of {server} was not found. Check the network connection{setting}."
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            reason = _quote(str(cause))
            return f"No secure connection to {server} ({reason}). Check the address: http or https?"
    if not any(isinstance(cause, httpx2.ConnectError) for cause in causes):
        return f"{server} broke off the connection. Check its log, then run this again."
    if server == "OpenAI":
        return "OpenAI cannot be reached. Check the network connection and any proxy settings."
    return f"Nothing answers at {server}. Start the server, or correct OPENAI_BASE_URL."


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _explain_status(error: APIStatusError, server: str, said: str) -> str:
    # What a server says to a refused key is not repeated: it may hold a part of that key.
    if error.status_code == 401:
        return f"{server} refused the API key (401). Set OPENAI_API_KEY to a key that it accepts."
    if error.status_code == 403:
        return (
            f"{server} does not allow this request (403). Check that the account behind "
            "OPENAI_API_KEY may use this model, and from this country."
        )
    if error.status_code in (402, 429):
        return _explain_limit(error, server, said)
    if error.status_code == 404:
        return _explain_not_found(error, server, said)
    if error.status_code >= 500 and not _is_too_long(error, said):
        return f"{server} failed ({error.status_code}: {said}). Wait a moment, then run this again."
    return _explain_request(error, server, said)


def _explain_request(error: APIError, server: str, said: str) -> str:
    if _is_too_long(error, said):
        return (
            f"The conversation is longer than the model can read ({said}). Clear the session, or "
            "send less of it with SessionSettings(limit=...)."
        )
    if not isinstance(error, APIStatusError):
        return f"{server} broke off its answer ({said}). Wait a moment, then run this again."
    return (
        f"{server} rejected the request ({error.status_code}: {said}). If this model cannot do "
        "what was asked, set OPENAI_DEFAULT_MODEL to another."
    )


def _is_too_long(error: APIError, said: str) -> bool:
    signs = ("context_length", "context length", "context size", "exceed_context", "context window")
    about = f"{error.code} {error.type} {said}".lower()
    return any(sign in about for sign in signs)


def _explain_limit(error: APIStatusError, server: str, said: str) -> str:
    about = f"{error.code} {error.type} {said}".lower()
    signs = ("insufficient_quota", "current quota", "billing_hard_limit", "insufficient credit")
    if error.status_code == 402 or any(sign in about for sign in signs):
        where = " at https://platform.openai.com/settings/organization/billing"
        return (
            f"The API key has no quota left ({error.status_code}). Add credit"
            f"{where if server == 'OpenAI' else ''}, or remove the key to use the offline model."
        )
    after = error.response.headers.get("retry-after", "")
    wait = f"{after} seconds" if after.isdigit() else "a minute"
    return f"{server} received too many requests (429: {said}). Wait {wait}, then run this again."


def _explain_not_found(error: APIStatusError, server: str, said: str) -> str:
    if "model" in f"{error.code} {said}".lower():
        how = "" if server == "OpenAI" else f" to one that {server}/models lists"
        return f"{server} has no such model (404: {said}). Set OPENAI_DEFAULT_MODEL{how}."
    return (
        f"{server} has no such page (404). Correct OPENAI_BASE_URL, which usually ends in /v1, or "
        "set OPENAI_COMPATIBLE_API to the API that the server speaks."
    )


def not_an_api(server: str) -> str:
    """What to say of a server whose answer belongs to no API."""
    return (
        f"{server} answers, but not like an OpenAI-compatible server. Correct OPENAI_BASE_URL, "
        "which usually ends in /v1."
    )


def _server_message(error: APIError) -> str:
    body = error.body
    if isinstance(body, dict):
        inner = body.get("error", body)
        message = inner.get("message") if isinstance(inner, dict) else inner
        return str(message or error.message)
    if isinstance(error, APIStatusError) and error.message.lstrip().startswith("<"):
        return error.response.reason_phrase  # The page of a proxy says no more than this.
    return error.message


def _explain_run_error(error: BaseException) -> str | None:
    if isinstance(error, ModelTimeoutError):
        return "The model did not answer in time. Try again."
    if isinstance(error, MaxTurnsExceeded):
        return (
            f"The agent stopped without an answer: {_quote(str(error))}. Ask again in other words, "
            "or raise max_turns."
        )
    if isinstance(error, ModelBehaviorError):
        return (
            f"The model answered in a form that the SDK cannot use: {_quote(str(error))}. Try "
            "again, or set OPENAI_DEFAULT_MODEL to a more capable model."
        )
    if isinstance(error, UserError) and str(error).startswith("Unknown prefix"):
        return (
            f"OpenAI has no model of the name in OPENAI_DEFAULT_MODEL ({_quote(str(error))}). "
            "Correct it, or set OPENAI_BASE_URL to the server that has it."
        )
    return None


def _explain_database_error(error: sqlite3.Error) -> str | None:
    said = str(error).lower()
    remedies = {
        "locked": "Another program is writing to it: close that program, then run this again.",
        "readonly": "It may not be written: change its permissions or those of its folder.",
        "unable to open": "Check that its folder exists and may be written.",
        "is full": "The disk is full: free some space.",
        "disk i/o": "The disk cannot be read or written: check it and its free space.",
        "not a database": "It is another kind of file: move it away or choose another path.",
        "malformed": "It is damaged: restore a copy, or move it away to start anew.",
    }
    for sign, remedy in remedies.items():
        if sign in said:
            return f"The database file cannot be used ({_quote(str(error))}). {remedy}"
    return None


def _explain_file_error(error: OSError) -> str | None:
    remedies = {
        errno.EACCES: "It may not be written: change its permissions or those of its folder.",
        errno.EPERM: "It may not be written: change its permissions or those of its folder.",
        errno.EROFS: "The disk is read-only: run this from a copy on another disk.",
        errno.ENOTDIR: "A file stands where a folder is needed: move it away.",
        errno.EEXIST: "A file stands where a folder is needed: move it away.",
        errno.EISDIR: "A folder stands where a file is needed: move it away.",
        errno.ENOSPC: "The disk is full: free some space.",
    }
    remedy = remedies.get(error.errno or 0)
    if remedy is None or (error.filename is None and error.errno != errno.ENOSPC):
        return None
    name = f"{error.filename} cannot be used" if error.filename else "A file cannot be written"
    return redacted(f"{name} ({error.strerror}). {remedy}")


def _quote(text: str) -> str:
    line = redacted(text).rstrip(". ")
    return line if len(line) <= LONGEST_QUOTE else f"{line[:LONGEST_QUOTE]}…"


def redacted(text: str) -> str:
    """One line without control characters and without a key. Servers repeat the key they refuse."""
    key = os.environ.get("OPENAI_API_KEY", "").strip()
    if key:
        text = text.replace(key, "[key]")
    text = re.sub(r"\bsk-[\w*.-]+|(?i:bearer)\s+\S+", "[key]", text)
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
