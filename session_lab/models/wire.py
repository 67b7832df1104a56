"""What a server sends, put into the form that OpenAI's API reference describes.

Servers that are only compatible differ in small things, and the SDK trusts each of them: a call ID
that comes a second time, arguments as an object, a token count that is no number. Every reply, of
both APIs, whole or streamed, passes through here before the SDK reads it.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Set
from contextvars import ContextVar
from typing import Any
from uuid import uuid4

import httpx2
from openai import APIError, APIResponseValidationError, APIStatusError, AsyncOpenAI

OPTIONAL = ("stream_options", "reasoning_content")
"""What the SDK adds on our account. A server that refuses one is asked once more without it."""
CUT = {"length", "max_tokens", "max_output_tokens", "model_length", "content_filter", "error"}
"""What servers give as `finish_reason` when a reply is not what the model would have said."""
ENDS = ("response.completed", "response.incomplete")
"""The events that hold the whole reply of the Responses API."""

logger = logging.getLogger(__name__)


class ReplyError(APIError):
    """The server's reply is empty, or ends inside a tool call."""


class Reply:
    """One reply on its way to the SDK: the same object sees all of a stream."""

    def __init__(self) -> None:
        self.request: Any = None
        """What it answers; None as long as nothing was sent."""
        self.known_ids: set[str] = set()
        self.is_cut = False
        """It has text, but it ended before the model was done."""
        self._end = ""
        self._has_text = self._is_judged = False
        self._calls: dict[Any, str] = {}
        self._arguments: defaultdict[Any, str] = defaultdict(str)

    def mend(self, answer: dict[str, Any]) -> bytes:
        """One answer, chunk or event in the documented form, as JSON.

        Raises:
            APIError: it is an error. `ReplyError`: it is the end, and there is no reply.
        """
        response = answer["response"] if isinstance(answer.get("response"), dict) else answer
        if error := response.get("error"):
            raise APIError("no reason given", self.request, body=error)
        if "usage" in response:
            response["usage"] = _usage(response["usage"])
        for choice in _objects(response, "choices"):
            self._mend_choice(choice)
        if isinstance(answer.get("item"), dict):
            self._mend_item(answer["item"], answer.get("output_index"))
        for place, item in enumerate(_objects(response, "output")):
            self._mend_item(item, place)
        if answer.get("type") in ENDS or "output" in answer:
            details = response.get("incomplete_details") or {}
            self._end = details.get("reason") or response.get("status") or "completed"
            self.finish()
            if self.is_cut:  # The SDK would throw away what there is of it.
                response["status"] = "completed"
                answer.update({"type": ENDS[0]} if "type" in answer else {})
        return _json(answer)

    def _mend_choice(self, choice: dict[str, Any]) -> None:
        choice["index"] = choice.get("index") or 0
        name = "message" if "message" in choice else "delta"
        message = choice[name] = choice.get(name) or {}
        message["content"] = _text(message.get("content"))
        self._has_text |= bool(message["content"] or message.get("refusal"))
        for call in _objects(message, "tool_calls"):
            function = call["function"] = call.get("function") or {}
            # Without an index, one with a name is the next call, and any other more of the last.
            following = len(self._calls) - (0 if function.get("name") else 1)
            place = call["index"] = call.get("index", max(following, 0))
            call["id"] = self._own_id(place, call.get("id"))
            call["type"] = call.get("type") or "function"
            function["arguments"] = _arguments(function.get("arguments"))
            self._arguments[place] += function["arguments"]
        choice["finish_reason"] = choice.get("finish_reason") or None
        self._end = choice["finish_reason"] or self._end or ("stop" if name == "message" else "")

    def _mend_item(self, item: dict[str, Any], place: Any) -> None:
        if item.get("type") == "function_call":
            item["call_id"] = self._own_id(place, item.get("call_id"))
            item["arguments"] = _arguments(item.get("arguments"))
        elif item.get("type") == "message":
            if not isinstance(item.get("content"), list):
                text = _text(item.get("content")) or ""
                item["content"] = [{"type": "output_text", "text": text, "annotations": []}]
            parts = _objects(item, "content")
            self._has_text |= any(part.get("text") or part.get("refusal") for part in parts)
        elif item.get("type") != "reasoning":
            self._calls[place] = "of a hosted tool"

    def _own_id(self, place: Any, call_id: Any) -> str:
        """The ID of the call at that place: the server's, unless there is none or it is taken."""
        if place not in self._calls:
            if not (isinstance(call_id, str) and call_id) or call_id in self.known_ids:
                call_id = f"call_{uuid4().hex}"
            self.known_ids.add(call_id)
            self._calls[place] = call_id
        return self._calls[place]

    def mark(self, output: list[Any]) -> None:
        """Note on the messages of a cut reply that they are not complete, as OpenAI does."""
        for item in output:
            if self.is_cut and item.type == "message":
                item.status = "incomplete"

    def finish(self) -> None:
        """Judge the reply at its end.

        Raises:
            ReplyError: it is empty, or ends inside a tool call.
        """
        if self._is_judged:
            return
        self._is_judged = True
        how = f"it ended with: {self._end}" if self._end else "the stream ended early"
        is_cut = not self._end or self._end in CUT
        if not (self._has_text or self._calls or self._end == "content_filter"):
            raise ReplyError(f"an empty reply; {how}", self.request, body=None)
        half_a_call = is_cut and any(read_json(text) is None for text in self._arguments.values())
        if half_a_call or (not self._end and self.request.url.path.endswith("/responses")):
            raise ReplyError(f"a part of a reply; {how}", self.request, body=None)
        self.is_cut = is_cut and self._has_text
        if self.is_cut:
            logger.warning("The reply is cut; %s. Ask the model to go on.", how)


def _objects(holder: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects in a list of `holder`, which then holds nothing else."""
    if name not in holder:
        return []
    each = holder[name] if isinstance(holder[name], list) else []
    holder[name] = [one for one in each if isinstance(one, dict)]
    return list(holder[name])


def _text(content: Any) -> str | None:
    """The text of a message whose content is a string, a part or a list of parts."""
    if content is None or isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    return "".join(str(part.get("text") or "") for part in parts if isinstance(part, dict))


def _arguments(arguments: Any) -> str:
    return arguments or "" if isinstance(arguments, str | None) else json.dumps(arguments)


def _usage(used: Any) -> dict[str, Any] | None:
    if not isinstance(used, dict):
        return None
    parts = dict.fromkeys(
        ("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens"), 0
    )
    counts = {**parts, "total_tokens": 0, **_counts(used)}
    counts["total_tokens"] = counts["total_tokens"] or sum(counts[name] for name in parts)
    return counts


def _counts(used: dict[str, Any]) -> dict[str, Any]:
    """The whole numbers in it, and in the objects in it. Anything else counts nothing."""
    return {
        name: _counts(value) if isinstance(value, dict) else int(value)
        for name, value in used.items()
        if isinstance(value, dict | int | float)
    }


def _json(value: Any) -> bytes:
    """JSON with a sign in place of each half of a surrogate pair that is alone.

    JSON can hold half of an emoji; UTF-8 cannot, so that nobody could send or print it.
    """
    text = json.dumps(value, ensure_ascii=False).encode("utf-16-le", "surrogatepass")
    return text.decode("utf-16-le", "replace").encode()


def read_json(text: bytes | str) -> Any:
    """The value, or None for what is no JSON."""
    try:
        return json.loads(text.decode("utf-8", "replace") if isinstance(text, bytes) else text)
    except ValueError:
        return None


_expected: ContextVar[Reply | None] = ContextVar("expected", default=None)


def expect_reply() -> Reply:
    """The reply to the next request of this task, for one who wants to know how it ended."""
    _expected.set(reply := Reply())
    return reply


class Client(AsyncOpenAI):
    """Sends only text that is Unicode, and no field that the server has refused."""

    _refused: Set[str] = frozenset()

    async def post(self, path: str, *, body: Any = None, **options: Any) -> Any:
        body, expected = json.loads(_json(body)), _expected.get()
        try:
            return await super().post(path, body=_without(self._refused, body), **options)
        except APIStatusError as error:
            refused = {name for name in OPTIONAL if name in error.response.text} | self._refused
            if _without(refused, body) == _without(self._refused, body):
                raise
        _expected.set(expected)
        answer = await super().post(path, body=_without(refused, body), **options)
        self._refused = refused
        return answer


def _without(names: Set[str], body: Any) -> Any:
    """The body of a request, and each message in it, without these fields."""
    if not isinstance(body, dict):
        return body
    plain = {name: value for name, value in body.items() if name not in names}
    if "messages" in body:
        plain["messages"] = [_without(names, message) for message in body["messages"]]
    return plain


class HttpClient(httpx2.AsyncClient):
    """HTTP that outlives an event loop, notices a server that is no API, and mends its replies."""

    def __init__(self) -> None:
        # A kept connection belongs to the event loop that opened it, and is unusable in the next
        # asyncio.run ("Event loop is closed"). One connection for each request has no such tie.
        limits = httpx2.Limits(max_keepalive_connections=0)
        super().__init__(limits=limits, follow_redirects=True)
        self._known_ids: set[str] = set()

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send a request of the client library; the reply comes back in the documented form.

        Raises:
            APIResponseValidationError: the answer is none that an API gives, a web page say. The
                client library would take it for a reply, and the SDK for an empty one.
            APIError: as `Reply.mend` and `Reply.finish`. While a reply streams, reading raises it.
        """
        reply = _expected.get() or Reply()
        _expected.set(None)
        asked = read_json(request.content) or {}
        items = _objects(asked, "messages") + _objects(asked, "input")
        self._known_ids |= {str(item.get("call_id")) for item in items}
        self._known_ids |= {call["id"] for item in items for call in item.get("tool_calls") or []}
        reply.request, reply.known_ids = request, self._known_ids
        response = await super().send(request, **options)
        if not response.is_success:
            return response
        if response.headers.get("content-type", "").lower().startswith("text/event-stream"):
            stream = _Mended(response, reply)
            return httpx2.Response(200, request=request, stream=stream)
        answer = read_json(await response.aread())
        wanted = {"error"} if asked.get("stream") else {"choices", "output", "error"}
        if not isinstance(answer, dict) or not wanted & answer.keys():
            raise APIResponseValidationError(response, body=answer)
        content = reply.mend(answer)
        reply.finish()
        headers = {"content-type": "application/json"}
        return httpx2.Response(200, headers=headers, request=request, content=content)


class _Mended(httpx2.AsyncByteStream):
    """The lines of an event stream, each with its data mended."""

    def __init__(self, response: httpx2.Response, reply: Reply) -> None:
        self._response, self._reply = response, reply

    async def __aiter__(self) -> AsyncIterator[bytes]:
        rest = b""
        async for piece in self._response.aiter_bytes():
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                yield self._mend(line) + b"\n"
        yield self._mend(rest)
        self._reply.finish()

    def _mend(self, line: bytes) -> bytes:
        name, _, data = line.partition(b":")
        if data.strip() == b"[DONE]":
            self._reply.finish()
        answer = read_json(data) if name == b"data" else None
        if not isinstance(answer, dict):
            return line
        return b"data: " + self._reply.mend(answer)

    async def aclose(self) -> None:
        await self._response.aclose()
