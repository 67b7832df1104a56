"""Which model answers: an OpenAI-compatible server, OpenAI, or the embedded offline model.

A script needs one name of this module: `choose_model`, for `Agent(model=...)`. The app, which shows
errors itself, uses `configured_model` and `describe_model`.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx2
from agents import Model, set_default_openai_client, set_tracing_disabled
from agents.models import get_default_model
from dotenv import load_dotenv
from openai import OpenAI, OpenAIError, Timeout
from pydantic import HttpUrl

from session_lab.models.errors import (
    NOT_AN_API,
    ModelChoiceError,
    explain_error,
    quote,
    server_name,
)
from session_lab.models.offline import OfflineModel
from session_lab.models.servers import ServerChatModel, ServerResponsesModel, api_of
from session_lab.models.wire import Client, HttpClient

__all__ = [
    "ModelChoiceError",
    "choose_model",
    "configured_model",
    "describe_model",
    "explain_error",
]

ENV_FILE = Path(__file__).resolve().parent.parent.parent / ".env"
OPENAI_URL = "https://api.openai.com/v1"
KEY_PLACEHOLDER = "your-openai-api-key"
"""What env.example shows in place of a key; left unchanged it counts as no key."""
NO_KEY_NEEDED = "no-key-needed"
"""Sent to a compatible server when there is no key: the client library insists on one."""
DEFAULT_TIMEOUT = 120.0
CONNECT_TIMEOUT = 10.0
APIS = ("chat_completions", "responses")
PROXIES = ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
HTTP_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", *PROXIES, *map(str.lower, PROXIES))
"""What the HTTP client reads from the environment."""
OFFLINE = OfflineModel()

# The SDK logs a failed call by itself. A library stays quiet until a program sets up logging.
logging.getLogger("openai.agents").addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Settings:
    """What the environment says about the model. Empty means not set."""

    api_key: str
    base_url: str
    model: str
    api: str
    timeout: float


def choose_model() -> Model | str:
    """`configured_model()` for a script: which one it is, is said once on stderr.

    From here on, an uncaught error that the reader can mend ends the program with one line on
    stderr and status 1 instead of a traceback (`sys.excepthook`). Any other error keeps its
    traceback: it is a bug and must be seen.

    Raises:
        ModelChoiceError: as `configured_model`.
    """
    sys.excepthook = _explain_uncaught
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What a console has no character for is printed as its number, and ends no program.
        sys.stdout.reconfigure(errors="backslashreplace")
    model = configured_model()
    _announce(describe_model(model))
    return model


@cache
def _announce(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _explain_uncaught(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return  # Python ends the program as Ctrl-C does, and there is nothing to explain.
    if issubclass(kind, BrokenPipeError):
        # The reader of the printout, `head` for instance, has seen enough. Python would complain
        # about it once more when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    line = explain_error(error)
    if line is None:
        sys.__excepthook__(kind, error, traceback)
        return
    sys.stdout.flush()
    print(line, file=sys.stderr)


def configured_model() -> Model | str:
    """The model that the environment asks for, as `Agent(model=...)` takes it.

    `OPENAI_BASE_URL` wins (a compatible server), then `OPENAI_API_KEY` (OpenAI, by the name of the
    SDK's default model, so that `Agent` applies the SDK's settings for it), else `OfflineModel`.
    Loads `.env` of the repository root first; variables that are already set keep their value.
    Equal settings give the same object.

    With a compatible server or the offline model this switches the SDK's tracing off
    (`set_tracing_disabled`), because traces go to OpenAI.

    Raises:
        ModelChoiceError: a setting makes no sense, or no model is named and the server does not
            list exactly one.
    """
    try:
        # The encoding also reads the mark that some Windows editors write first.
        load_dotenv(ENV_FILE, override=False, encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ModelChoiceError(f"{ENV_FILE} is not plain text: save it in UTF-8.") from None
    settings = _read_settings()
    try:
        if settings.base_url or not settings.api_key:
            set_tracing_disabled(True)
        if settings.base_url:
            return _server_model(settings)
        if settings.api_key:
            set_default_openai_client(_client(settings))
            if not settings.model:
                # Left blank, the variable would make the SDK ask for a model called "".
                os.environ.pop("OPENAI_DEFAULT_MODEL", None)
            return settings.model or get_default_model()
    except ModelChoiceError:
        raise
    except (ImportError, OSError, ValueError, httpx2.InvalidURL, OpenAIError) as error:
        # A SOCKS proxy without its package, a proxy's or certificate's setting that makes no sense.
        suspects = [name for name in HTTP_VARIABLES if os.environ.get(name)] or ["OPENAI_BASE_URL"]
        raise ModelChoiceError(
            f"No HTTP client can be made ({quote(str(error))}). Check what is set as "
            f"{', '.join(suspects)}."
        ) from None
    return OFFLINE


def _read_settings() -> Settings:
    names = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_DEFAULT_MODEL", "OPENAI_COMPATIBLE_API")
    key, url, model, api = (os.environ.get(name, "").strip() for name in names)
    timeout = os.environ.get("OPENAI_TIMEOUT", "").strip()
    key = "" if key == KEY_PLACEHOLDER else key
    seconds, address = 0.0, ""
    with contextlib.suppress(ValueError):
        seconds = float(timeout or DEFAULT_TIMEOUT)
    with contextlib.suppress(ValueError):
        address = str(full) if (full := HttpUrl(url)).port else ""
    for problem, is_wrong in {
        "OPENAI_API_KEY holds a space or a character that no key has: copy the key again.": (
            not re.fullmatch("[!-~]*", key)
        ),
        "OPENAI_BASE_URL must be a full address such as http://localhost:11434/v1.": (
            url and not address
        ),
        f"OPENAI_COMPATIBLE_API is {api!r}: set it to {' or '.join(APIS)}.": (
            api and api not in APIS
        ),
        f"OPENAI_TIMEOUT is {timeout!r}: set it to a number of seconds, for instance 120.": (
            not 0 < seconds < 86_400
        ),
    }.items():
        if is_wrong:
            raise ModelChoiceError(problem)
    return Settings(key, address, model, api or APIS[0], seconds)


def _client_options(settings: Settings) -> dict[str, Any]:
    url = httpx2.URL(settings.base_url or OPENAI_URL)
    return {
        "api_key": settings.api_key or NO_KEY_NEEDED,
        "base_url": url.copy_with(query=None, fragment=None),
        "default_query": dict(url.params),
        "timeout": Timeout(settings.timeout, connect=min(settings.timeout, CONNECT_TIMEOUT)),
    }


@cache
def _client(settings: Settings) -> Client:
    # No retries: a server that refuses is not running, and one that is slow gets slower.
    retries = 0 if settings.base_url else 1
    return Client(**_client_options(settings), max_retries=retries, http_client=HttpClient())


@cache
def _server_model(settings: Settings) -> Model:
    kind = ServerResponsesModel if settings.api == "responses" else ServerChatModel
    return kind(settings.model or _only_model(settings), _client(settings))


def _only_model(settings: Settings) -> str:
    """The one model that the server lists. Raises ModelChoiceError if it lists none or several."""
    options = _client_options(settings) | {"timeout": min(settings.timeout, CONNECT_TIMEOUT)}
    server = server_name(settings.base_url)
    try:
        with OpenAI(**options, max_retries=0) as client:
            answer: Any = client.get("/models", cast_to=object)
    except OpenAIError as error:
        raise ModelChoiceError(explain_error(error)) from None
    try:
        names = [str(name) for model in answer["data"] or [] if (name := model.get("id"))]
    except (AttributeError, LookupError, TypeError):
        raise ModelChoiceError(NOT_AN_API.format(server=server)) from None
    if len(names) == 1:
        return names[0]
    examples = f" ({quote(', '.join(names[:5]))}{', ...' if names[5:] else ''})" if names else ""
    raise ModelChoiceError(
        f"{server} lists {len(names)} models{examples}. Set OPENAI_DEFAULT_MODEL to the one to use."
    )


def describe_model(model: Model | str | None) -> str:
    """One line that names the model, for the terminal and the app. Never a key."""
    if model is None or isinstance(model, str):
        return f"Model: {model or get_default_model()} at OpenAI"
    if isinstance(model, ServerChatModel | ServerResponsesModel):
        server = server_name(str(model._get_client().base_url))
        return f"Model: {model.model} at {server} ({api_of(model)})"
    if isinstance(model, OfflineModel):
        return "Model: offline (embedded, no key; it answers only from the items it is sent)"
    return f"Model: {type(model).__name__}"
