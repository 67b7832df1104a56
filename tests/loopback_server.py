"""A stand-in for an OpenAI-compatible server, on loopback, that records what it is sent.

It speaks both APIs, whole and streamed, and answers with the number of messages it was sent, so
that a reply follows from the request. With the Responses API it calls a tool that is required.
`answer`, `next_answers` and `fail` make it answer something else instead.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CHAT, RESPONSES, MODELS = "/v1/chat/completions", "/v1/responses", "/v1/models"


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


def _words(request: Request) -> list[str]:
    first, *others = f"I was sent {len(request.items)} items.".split()
    return [first, *(f" {word}" for word in others)]


def _events(events: list[tuple[str, object]]) -> Answer:
    lines = [
        f"event: {name}\n" * bool(name) + f"data: {json.dumps(data)}\n\n" for name, data in events
    ]
    return Answer(body="".join(lines), content_type="text/event-stream")


def _chat(request: Request) -> Answer:
    """A Chat Completions answer, whole or as chunks; usage in chunks only if it is asked for."""
    used = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}
    head = {"id": "chat-1", "created": 1, "model": request.body["model"]}
    if not request.body.get("stream"):
        message = {"role": "assistant", "content": "".join(_words(request))}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        whole = {**head, "object": "chat.completion", "choices": [choice], "usage": used}
        return Answer(body=json.dumps(whole))
    deltas = [{"role": "assistant", "content": ""}, *({"content": w} for w in _words(request)), {}]
    ends = [*[None] * (len(deltas) - 1), "stop"]
    choices = [
        [{"index": 0, "delta": delta, "finish_reason": end}]
        for delta, end in zip(deltas, ends, strict=True)
    ]
    chunk = {**head, "object": "chat.completion.chunk"}
    chunks: list[Any] = [{**chunk, "choices": choice} for choice in choices]
    if (request.body.get("stream_options") or {}).get("include_usage"):
        chunks.append({**chunk, "choices": [], "usage": used})
    answer = _events([("", each) for each in chunks])
    return Answer(body=answer.body + "data: [DONE]\n\n", content_type=answer.content_type)


def _responses(request: Request, output: Sequence[Any] = ()) -> Answer:
    """A Responses answer, whole or as events."""
    words = _words(request)
    part = {"type": "output_text", "text": "".join(words), "annotations": [], "logprobs": []}
    item = {"type": "message", "id": "msg-1", "role": "assistant", "content": [part]}
    if request.body.get("tool_choice") == "required":
        [tool] = request.body["tools"]
        item = {"type": "function_call", "call_id": "call-1", "name": tool["name"]}
        item["arguments"] = json.dumps({"order_id": "A-1002"})
    used: dict[str, Any] = {"input_tokens": 11, "output_tokens": 5, "total_tokens": 16}
    used |= {"input_tokens_details": {"cached_tokens": 0}}
    used |= {"output_tokens_details": {"reasoning_tokens": 0}}
    response = {"id": "resp-1", "object": "response", "created_at": 1, "tool_choice": "auto"}
    response |= {"model": request.body["model"], "status": "completed", "usage": used}
    response |= {
        "output": list(output) or [{**item, "status": "completed"}],
        "tools": [],
        "parallel_tool_calls": False,
    }
    if not request.body.get("stream"):
        return Answer(body=json.dumps(response))
    place = {"item_id": "msg-1", "output_index": 0, "content_index": 0, "logprobs": []}
    kinds = [
        ("response.created", {"response": {**response, "status": "in_progress", "output": []}}),
        *(("response.output_text.delta", {**place, "delta": word}) for word in words),
        ("response.completed", {"response": response}),
    ]
    numbered = enumerate(kinds)
    return _events([(kind, {"type": kind, "sequence_number": n, **e}) for n, (kind, e) in numbered])
