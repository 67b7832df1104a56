"""A stand-in for an OpenAI-compatible server, on loopback, that records what it is sent.

It speaks both APIs, whole and streamed, and answers with the number of messages it was sent, so
that a reply follows from the request. `fail` makes it answer with an error instead.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    """With names in lower case."""
    body: dict[str, Any]

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
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    missing: int = 0
    """Bytes that are announced beyond `body` and never sent."""


class LoopbackServer:
    """Serves while used as a context manager; `url` is what OPENAI_BASE_URL takes."""

    def __init__(self) -> None:
        self.models = ["tiny-model"]
        self.requests: list[Request] = []
        self.answer: Answer | None = None
        self._released = threading.Event()
        handler = type("Handler", (_Handler,), {"fake": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def fail(self, status: int, *, headers: dict[str, str] | None = None, **error: Any) -> None:
        """Answer every call with an error object as OpenAI writes it."""
        self.answer = Answer(status, json.dumps({"error": error}), headers=headers or {})

    def wait(self, seconds: float) -> None:
        """Wait as a slow server does, but no longer than this server lives."""
        self._released.wait(seconds)

    def __enter__(self) -> LoopbackServer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._released.set()
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
        self._record({})
        if self.fake.answer:
            self._send(self.fake.answer)
        elif self.path == "/v1/models":
            models = [
                {"id": name, "object": "model", "created": 0, "owned_by": "tests"}
                for name in self.fake.models
            ]
            self._send_json({"object": "list", "data": models})
        else:
            self._send(Answer(404, "404 page not found", "text/plain"))

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        request = self._record(json.loads(self.rfile.read(length)))
        if self.fake.answer:
            self._send(self.fake.answer)
        elif self.path not in (CHAT, RESPONSES):
            self._send(Answer(404, "404 page not found", "text/plain"))
        else:
            text = f"I was sent {len(request.items)} items."
            write = _chat if self.path == CHAT else _responses
            whole, events = write(text, request.body)
            if request.body.get("stream"):
                self._send_events(events)
            else:
                self._send_json(whole)

    def log_message(self, format: str, *args: Any) -> None:
        """A test's output holds what the program under test prints."""

    def _record(self, body: dict[str, Any]) -> Request:
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.path, headers, body)
        self.fake.requests.append(request)
        return request

    def _send(self, answer: Answer) -> None:
        if answer.delay:
            self.fake.wait(answer.delay)
        body = answer.body.encode()
        try:
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(body) + answer.missing))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # The client gave up waiting, as a test asked it to.
        if answer.missing:
            self.fake.wait(60)

    def _send_json(self, value: object) -> None:
        self._send(Answer(body=json.dumps(value)))

    def _send_events(self, events: list[tuple[str | None, object]]) -> None:
        lines = []
        for name, data in events:
            text = data if isinstance(data, str) else json.dumps(data)
            lines.append((f"event: {name}\n" if name else "") + f"data: {text}\n\n")
        self._send(Answer(body="".join(lines), content_type="text/event-stream"))


Written = tuple[dict[str, Any], list[tuple["str | None", object]]]


def _chat(text: str, body: dict[str, Any]) -> Written:
    """A Chat Completions answer, whole and as chunks; usage in chunks only if it is asked for."""
    used = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}
    head = {"id": "chat-1", "created": int(time.time()), "model": body["model"]}
    message = {"role": "assistant", "content": text}
    whole = {
        **head,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": used,
    }
    chunk = {**head, "object": "chat.completion.chunk"}
    deltas: list[dict[str, str]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": f"{word} "} for word in text.split()[:-1]]
    deltas.append({"content": text.split()[-1]})
    choices = [[{"index": 0, "delta": delta, "finish_reason": None}] for delta in deltas]
    choices.append([{"index": 0, "delta": {}, "finish_reason": "stop"}])  # type: ignore[dict-item]
    events: list[tuple[str | None, object]] = [(None, {**chunk, "choices": c}) for c in choices]
    if (body.get("stream_options") or {}).get("include_usage"):
        events.append((None, {**chunk, "choices": [], "usage": used}))
    return whole, [*events, (None, "[DONE]")]


def _responses(text: str, body: dict[str, Any]) -> Written:
    """A Responses answer, whole and as events."""
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    item = {"type": "message", "id": "msg-1", "role": "assistant", "status": "completed"}
    done = {**item, "content": [part]}
    response = {
        "id": "resp-1",
        "object": "response",
        "created_at": int(time.time()),
        "model": body["model"],
        "status": "completed",
        "output": [done],
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 11,
            "output_tokens": 5,
            "total_tokens": 16,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    }
    place = {"item_id": "msg-1", "output_index": 0, "content_index": 0}
    started = {**response, "status": "in_progress", "output": [], "usage": None}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": started},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
        {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
    ]
    words = [f"{word} " for word in text.split()[:-1]] + [text.split()[-1]]
    for word in words:
        event = {"type": "response.output_text.delta", **place, "delta": word, "logprobs": []}
        events.append(event)
    events += [
        {"type": "response.output_text.done", **place, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": done},
        {"type": "response.completed", "response": response},
    ]
    numbered = [{**event, "sequence_number": number} for number, event in enumerate(events)]
    return response, [(str(event["type"]), event) for event in numbered]
