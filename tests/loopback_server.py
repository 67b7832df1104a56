"""A stand-in for an OpenAI-compatible server, on loopback, that records what it is sent.

It speaks both APIs, whole and streamed, and answers with the number of messages it was sent, so
that a reply follows from the request. With the Responses API it calls a tool that is required.
`answer`, `next_answers` and `fail` make it answer something else instead.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from session_lab.history.items import text_of

CHAT, RESPONSES, MODELS = "/v1/chat/completions", "/v1/responses", "/v1/models"
EVENTS, DONE = "text/event-stream", "data: [DONE]\n\n"
USED = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    """With names in lower case."""
    body: dict[str, Any]
    method: str = "POST"

    @property
    def items(self) -> list[Any]:
        """What the model would read: chat messages, or the input items of the Responses API."""
        return list(self.body["messages" if self.path == CHAT else "input"])


@dataclass
class Answer:
    """One fixed HTTP answer, `delay` seconds after the request."""

    status: int = 200
    body: str = ""
    content_type: str = "application/json"
    delay: float = 0.0
    missing: int = 0
    """Bytes that are announced beyond `body` and never sent."""


NO_PAGE = Answer(404, "404 page not found", "text/plain")


class LoopbackServer:
    """Serves while used as a context manager; `url` is what OPENAI_BASE_URL takes."""

    def __init__(self) -> None:
        self.models = ["tiny-model"]
        self.requests: list[Request] = []
        self.answer: Answer | None = None
        self.output: Callable[[Request], Answer | list[Any]] | None = None
        """Makes the items of each response, in place of a message or a required call."""
        self.page: Callable[[Request], Answer | None] | None = None
        """Answers what is no model call; None leaves it to the server."""
        self.next_answers: list[Answer] = []
        """One for each of the next requests; then `answer` holds again."""
        self.closed = threading.Event()
        handler = type("Handler", (_Handler,), {"fake": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"

    def fail(self, status: int, **error: Any) -> None:
        """Answer every call with an error object as OpenAI writes it."""
        self.answer = Answer(status, json.dumps({"error": error}))

    def __enter__(self) -> LoopbackServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closed.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: LoopbackServer

    def handle(self) -> None:
        with suppress(ConnectionResetError):  # of a client whose event loop was closed
            super().handle()

    def do_GET(self) -> None:
        request = self._record({})
        page = self.fake.page(request) if self.fake.page else None
        self._answer(request, page or (_models(self.fake) if self.path == MODELS else NO_PAGE))

    do_DELETE = do_GET

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        request = self._record(body)
        if self.fake.page and (page := self.fake.page(request)):
            self._answer(request, page)
            return
        write = {CHAT: _chat, RESPONSES: _responses}.get(self.path)
        made = self.fake.output(request) if self.fake.output else None
        if isinstance(made, list):
            made = _responses(request, made)
        self._answer(request, made or (write(request) if write else NO_PAGE))

    def log_message(self, format: str, *args: Any) -> None:
        """A test's output holds what the program under test prints."""

    def _record(self, body: dict[str, Any]) -> Request:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.fake.requests.append(Request(self.path, headers, body, self.command))
        return self.fake.requests[-1]

    def _answer(self, request: Request, right: Answer) -> None:
        following = self.fake.next_answers
        answer = following.pop(0) if following else self.fake.answer or right
        # As a slow server waits, but no longer than this server lives.
        self.fake.closed.wait(answer.delay)
        body = answer.body.encode(errors="surrogateescape")
        try:
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(body) + answer.missing))
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # The client gave up waiting, as a test asked it to.
        if answer.missing:
            self.fake.closed.wait(60)


def _models(fake: LoopbackServer) -> Answer:
    known = {"object": "model", "created": 0, "owned_by": "tests"}
    models = [{"id": name, **known} for name in fake.models]
    return Answer(body=json.dumps({"object": "list", "data": models}))


def events(*answers: dict[str, Any], done: str = DONE) -> Answer:
    """A stream with one event for each answer; an answer's `type` is its event's name."""
    names = [f"event: {each['type']}\n" if "type" in each else "" for each in answers]
    lines = [
        f"{name}data: {json.dumps(each)}\n\n" for name, each in zip(names, answers, strict=True)
    ]
    return Answer(body="".join(lines) + done, content_type=EVENTS)


def chat(
    streamed: object, *deltas: dict[str, Any], end: str | None = "stop", usage: Any = USED
) -> Answer:
    """A Chat Completions reply: one message, or a chunk for each delta of it."""
    head = {"id": "chat-1", "created": 1, "model": "tiny-model"}
    if not streamed:
        [message] = deltas
        choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": end}
        return Answer(body=json.dumps({**head, "choices": [choice], "usage": usage}))
    ends = [*(({"role": "assistant", **delta}, None) for delta in deltas), ({}, end)]
    choices = [{"index": 0, "delta": delta, "finish_reason": end} for delta, end in ends]
    last = {**head, "choices": [], "usage": usage}
    return events(*({**head, "choices": [choice]} for choice in choices), last)


def response(streamed: object, output: Any, **more: Any) -> Answer:
    """A Responses reply with this output, or its events; texts come word by word."""
    used: dict[str, Any] = {"input_tokens": 11, "output_tokens": 5, "total_tokens": 16}
    used |= {"input_tokens_details": {"cached_tokens": 0}}
    used |= {"output_tokens_details": {"reasoning_tokens": 0}}
    whole = {"id": "resp-1", "object": "response", "created_at": 1, "model": "tiny-model"}
    whole |= {"tool_choice": "auto", "tools": [], "parallel_tool_calls": False, "usage": used}
    whole |= {"status": "completed", "output": output, **more}
    if not streamed:
        return Answer(body=json.dumps(whole))
    place = {"item_id": "msg-1", "output_index": 0, "content_index": 0, "logprobs": []}
    words = _words("".join(text_of(item) for item in output or [] if item["type"] == "message"))
    all_events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**whole, "status": "in_progress", "output": []}},
        *({"type": "response.output_text.delta", **place, "delta": word} for word in words),
        *(
            {"type": "response.output_item.done", "output_index": n, "item": item}
            for n, item in enumerate(output or [])
        ),
        {"type": f"response.{whole['status']}", "response": whole},
    ]
    return events(*({**each, "sequence_number": n} for n, each in enumerate(all_events)), done="")


def _chat(request: Request) -> Answer:
    """Usage comes in chunks only if it is asked for."""
    text, streamed = _text(request), request.body.get("stream")
    asked = not streamed or (request.body.get("stream_options") or {}).get("include_usage")
    deltas = [{"content": each} for each in (_words(text) if streamed else [text])]
    return chat(streamed, *deltas, usage=USED if asked else None)


def _responses(request: Request, output: Sequence[Any] = ()) -> Answer:
    part = {"type": "output_text", "text": _text(request), "annotations": [], "logprobs": []}
    item = {"type": "message", "id": "msg-1", "role": "assistant", "content": [part]}
    if request.body.get("tool_choice") == "required":
        [tool] = request.body["tools"]
        item = {"type": "function_call", "call_id": "call-1", "name": tool["name"]}
        item["arguments"] = json.dumps({"order_id": "A-1002"})
    return response(request.body.get("stream"), output or [{**item, "status": "completed"}])


def _text(request: Request) -> str:
    return f"I was sent {len(request.items)} items."


def _words(text: str) -> list[str]:
    return re.findall(r"\s*\S+", text)
