"""A stand-in for what OpenAI stores: conversations, and responses that can be compacted.

It gives each item an ID of its own and lists 20 of them a page, as OpenAI does.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from loopback_server import RESPONSES, Answer, LoopbackServer, Request

CONVERSATIONS, COMPACT = "/v1/conversations", "/v1/responses/compact"
PAGE = 20


class HostedOpenAI(LoopbackServer):
    """`conversations` are the items of each conversation, by its ID."""

    def __init__(self) -> None:
        super().__init__()
        self.page = self._page
        self.conversations: dict[str, list[dict[str, Any]]] = {}
        self._made = 0

    def _id(self, kind: str) -> str:
        self._made += 1
        return f"{kind}_{self._made}"

    def _page(self, request: Request) -> Answer | None:
        address = urlsplit(request.path)
        if address.path == COMPACT:
            return self._compact(request)
        if not address.path.startswith(CONVERSATIONS):
            return None
        if address.path == CONVERSATIONS:
            name = self._id("conv")
            self.conversations[name] = []
            return Answer(body=json.dumps({"id": name, "object": "conversation"}))
        name, *rest = address.path.removeprefix(f"{CONVERSATIONS}/").split("/")
        items = self.conversations.get(name)
        if items is None:
            return Answer(404, json.dumps({"error": {"message": f"no conversation {name}"}}))
        if request.method == "POST":
            added = [self._stored(item) for item in request.body["items"]]
            items += added
            return _listed(added)
        if request.method == "GET":
            query = parse_qs(address.query)
            listed = items if query["order"] == ["asc"] else items[::-1]
            ids = [item["id"] for item in listed]
            start = ids.index(query["after"][0]) + 1 if "after" in query else 0
            return _listed(listed[start : start + PAGE], start + PAGE < len(listed))
        if rest:
            self.conversations[name] = [item for item in items if item["id"] != rest[1]]
        else:
            del self.conversations[name]
        return Answer(body=json.dumps({"id": name, "object": "conversation.deleted"}))

    def _stored(self, item: dict[str, Any]) -> dict[str, Any]:
        kind = item.get("type", "message")
        stored = {**item, "type": kind, "id": self._id(kind), "status": "completed"}
        if isinstance(item.get("content"), str):
            part = "output_text" if item["role"] == "assistant" else "input_text"
            stored["content"] = [{"type": part, "text": item["content"]}]
        return stored

    def _compact(self, request: Request) -> Answer:
        """The user messages, then one item in place of all others."""
        sent = request.body.get("input")
        if sent is None:
            last = [each for each in self.requests if each.path == RESPONSES][-1]
            sent = last.items
        output: list[Any] = [self._stored(item) for item in sent if item.get("role") == "user"]
        output.append({"type": "compaction", "id": self._id("cmp"), "encrypted_content": "secret"})
        used = {"input_tokens": 9, "output_tokens": 1, "total_tokens": 10}
        used |= {"input_tokens_details": {"cached_tokens": 0}}
        used |= {"output_tokens_details": {"reasoning_tokens": 0}}
        made = {"id": self._id("resp"), "object": "response.compaction", "created_at": 1}
        return Answer(body=json.dumps({**made, "output": output, "usage": used}))


def _listed(items: list[dict[str, Any]], has_more: bool = False) -> Answer:
    ends = {f"{end}_id": items[place]["id"] for end, place in (("first", 0), ("last", -1)) if items}
    return Answer(body=json.dumps({"object": "list", "data": items, "has_more": has_more, **ends}))
