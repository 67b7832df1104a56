"""What the Chat page shows of a reply that is refused, empty or cut off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from loopback_server import Answer, LoopbackServer
from page_tools import Open, store

from session_lab.history.items import assistant_item, user_item

REFUSAL = [{"type": "refusal", "refusal": "I may not."}]
TEXT = [{"type": "output_text", "text": "Oslo is", "annotations": []}]


ENDINGS: list[tuple[Any, str | None, str]] = [
    (REFUSAL, "completed", "Refused · "),
    ([], "completed", "Empty · "),
    ("  ", None, "Empty · "),
    (TEXT, "incomplete", "Cut off · "),
    (TEXT, "completed", ""),
]


def test_a_stored_reply_says_how_it_ended(open_page: Open, db_path: Path) -> None:
    for content, status, _ in ENDINGS:
        reply = {"type": "message", "role": "assistant", "content": content, "status": status}
        store(db_path, "s", user_item("Where?"), reply)
    told = [reply.caption[0].value for reply in open_page("s").app.chat_message[1::2]]
    assert told == [f"{mark}Not recorded" for _, _, mark in ENDINGS]


@pytest.mark.parametrize(
    ("delta", "line"),
    [
        ({"refusal": "I may not."}, "refused to produce output: I may not. Ask in other"),
        ({"content": ""}, "sent an empty reply; it ended with: stop. Ask again."),
    ],
    ids=["refused", "empty"],
)
def test_a_run_without_a_reply_shows_why_and_keeps_the_question(
    openai_unset: None,
    monkeypatch: pytest.MonkeyPatch,
    open_page: Open,
    db_path: Path,
    delta: Any,
    line: str,
) -> None:
    chunk = {"choices": [{"index": 0, "delta": delta, "finish_reason": "stop"}]}
    body = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n"
    store(db_path, "s", user_item("Where?"), assistant_item("In Oslo."))
    with LoopbackServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_DEFAULT_MODEL", "tiny-model")
        server.next_answers = [Answer(200, body, "text/event-stream")]
        page = open_page("s").say("And who?")
        assert line in page.app.error[0].value.replace("\\", "")
        assert page.rows("s")[2:] == [user_item("And who?")]
        assert not page.press("Retry").app.error
    assert page.rows("s")[3]["content"][0]["text"].startswith("I was sent")
