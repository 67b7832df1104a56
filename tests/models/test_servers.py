"""The SDK's OpenAI models over HTTP, against a server on loopback: what is sent, what is stored."""

from __future__ import annotations

import asyncio
import os
from typing import Any, cast

import pytest
from agents import (
    Agent,
    ModelSettings,
    Runner,
    RunResult,
    RunResultStreaming,
    SQLiteSession,
    TResponseInputItem,
)
from agents.models import get_default_model
from loopback_server import CHAT, RESPONSES, LoopbackServer
from openai import InternalServerError

from session_lab.models import choose, choose_model

PATHS = {"chat_completions": CHAT, "responses": RESPONSES}


@pytest.fixture
def key(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """A key and nothing else is set, and the server stands in the place of OpenAI itself."""
    del os.environ["OPENAI_BASE_URL"], os.environ["OPENAI_DEFAULT_MODEL"]
    os.environ["OPENAI_API_KEY"] = "sk-test"
    monkeypatch.setattr(choose, "OPENAI_URL", server.url)
    return "sk-test"


async def run(
    agent: Agent[Any], text: str, session: SQLiteSession | None = None, streamed: bool = False
) -> RunResult | RunResultStreaming:
    if not streamed:
        return await Runner.run(agent, text, session=session)
    result = Runner.run_streamed(agent, text, session=session)
    deltas = ""
    async for event in result.stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            deltas += event.data.delta
    assert deltas == result.final_output
    return result


def texts(items: list[Any]) -> list[str]:
    """The text of each message, whether it is sent as a string or as parts."""
    contents = [item["content"] for item in items]
    return [c if isinstance(c, str) else "".join(p["text"] for p in c) for c in contents]


async def test_the_second_turn_brings_the_history(
    api: str, streamed: bool, server: LoopbackServer, session: SQLiteSession
) -> None:
    agent = Agent("Assistant", instructions="Be brief.", model=choose_model())
    for text in ("My name is Alice.", "What's my name?"):
        result = await run(agent, text, session, streamed)
        usage = result.context_wrapper.usage
        assert (usage.input_tokens, usage.output_tokens, usage.requests) == (11, 5, 1)

    first, second = server.requests
    assert {first.path, second.path} == {PATHS[api]}
    instructions = ["Be brief."] if api == "chat_completions" else []
    replies = [f"I was sent {count + len(instructions)} items." for count in (1, 3)]
    questions = ["My name is Alice.", "What's my name?"]
    assert texts(first.items) == [*instructions, questions[0]]
    assert texts(second.items) == [*instructions, questions[0], replies[0], questions[1]]
    assert second.body["model"] == "tiny-model"
    assert bool(second.body.get("stream")) == streamed
    assert second.headers["authorization"] == "Bearer no-key-needed"
    stored = await session.get_items()
    assert texts(stored) == [questions[0], replies[0], questions[1], replies[1]]


async def test_a_stream_reports_usage_unless_the_agent_says_otherwise(
    server: LoopbackServer,
) -> None:
    settings = ModelSettings(include_usage=False)
    agent = Agent("Assistant", model=choose_model(), model_settings=settings)
    result = await run(agent, "Hello", streamed=True)
    assert not server.requests[-1].body.get("stream_options", {}).get("include_usage")
    assert result.context_wrapper.usage.total_tokens == 0


async def test_a_server_is_sent_the_key_that_is_set(server: LoopbackServer) -> None:
    for key, sent in (("sk-own", "sk-own"), (choose.KEY_PLACEHOLDER, "no-key-needed")):
        os.environ["OPENAI_API_KEY"] = key
        await run(Agent("Assistant", model=choose_model()), "Hello")
        assert server.requests[-1].headers["authorization"] == f"Bearer {sent}"


LONG = {"type": "message", "role": "assistant", "status": "completed"}
TEXT = {"type": "output_text", "text": "Noted.", "annotations": []}
BY_HAND: list[dict[str, Any]] = [
    {"role": "assistant", "content": "Noted."},
    {"type": "message", "role": "assistant", "content": "Noted."},
    {"role": "assistant", "content": [{"type": "text", "text": "Noted."}]},
    {"id": "a-1", "role": "assistant", "content": "Noted."},
    {**LONG, "content": [TEXT]},
    {**LONG, "id": "msg-7", "content": [TEXT]},
    {**LONG, "content": [{"type": "refusal", "refusal": "Noted."}]},
    {"id": "u-1", "role": "user", "content": "Noted."},
    {"role": "user", "content": "Noted.", "created_at": 1},
    {"role": "user", "content": [{"type": "text", "text": "Noted."}]},
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Noted."}]},
]


async def test_messages_added_by_hand_survive_in_every_form(
    streamed: bool, api: str, server: LoopbackServer, session: SQLiteSession
) -> None:
    await session.add_items(cast(list[TResponseInputItem], BY_HAND))
    await run(Agent("Assistant", model=choose_model()), "Go on.", session, streamed)
    *by_hand, last = server.requests[-1].items
    assert texts(by_hand) == ["Noted."] * len(BY_HAND) and texts([last]) == ["Go on."]
    assert [item["role"] for item in by_hand] == [item["role"] for item in BY_HAND]
    for item in by_hand if api == "responses" else []:
        if item["role"] == "assistant":
            assert (item["type"], item["content"][0]["type"]) == ("message", "output_text")
    assert (await session.get_items())[: len(BY_HAND)] == BY_HAND, "what is stored stays as it is"


async def test_reasoning_of_another_service_is_not_sent(
    server: LoopbackServer, session: SQLiteSession
) -> None:
    os.environ["OPENAI_COMPATIBLE_API"] = "responses"
    foreign = {"type": "reasoning", "id": "rs-1", "summary": [], "encrypted_content": "x"}
    own_content = [{"type": "reasoning_text", "text": "Hm."}]
    own = {"type": "reasoning", "id": "rs-2", "summary": [], "content": own_content}
    question = {"role": "user", "content": "Hello"}
    items = [question, foreign, BY_HAND[5], question, own, BY_HAND[5]]
    await session.add_items(cast(list[TResponseInputItem], items))
    await run(Agent("Assistant", model=choose_model()), "Go on.", session)
    sent = server.requests[-1].items
    assert [item["id"] for item in sent if item.get("type") == "reasoning"] == ["rs-2"]
    assert len(await session.get_items()) == 8


def test_one_model_serves_several_event_loops_and_runs(api: str, server: LoopbackServer) -> None:
    agent = Agent("Assistant", model=choose_model())

    async def several() -> list[Any]:
        runs = (run(agent, f"Message {n}", streamed=n % 2 == 0) for n in range(4))
        return await asyncio.gather(*runs)

    for _ in range(3):
        assert len({result.final_output for result in asyncio.run(several())}) == 1
    asked = sorted(texts(request.items)[-1] for request in server.requests)
    assert asked == sorted(f"Message {n}" for n in range(4) for _ in range(3))


def test_openai_is_asked_with_the_settings_of_the_sdk_on_any_loop(
    key: str, server: LoopbackServer, session: SQLiteSession
) -> None:
    agent = Agent("Assistant", model=choose_model())
    for streamed in (False, True, False):
        result = asyncio.run(run(agent, "Hello", session, streamed))
        assert result.context_wrapper.usage.total_tokens == 16
    assert len(server.requests) == 3
    request = server.requests[1]
    assert (request.path, request.headers["authorization"]) == (RESPONSES, f"Bearer {key}")
    assert request.body["model"] == get_default_model()
    assert request.body["text"]["verbosity"] == "low" and "effort" in request.body["reasoning"]
    assert texts(request.items) == ["Hello", "I was sent 1 items.", "Hello"]


async def test_a_server_that_fails_is_asked_once(server: LoopbackServer) -> None:
    server.fail(503, message="Loading model")
    with pytest.raises(InternalServerError):
        await run(Agent("Assistant", model=choose_model()), "Hello")
    assert len(server.requests) == 1


async def test_openai_is_asked_once_more_when_it_fails(key: str, server: LoopbackServer) -> None:
    server.fail(503, message="Overloaded")
    with pytest.raises(InternalServerError):
        await run(Agent("Assistant", model=choose_model()), "Hello")
    assert len(server.requests) == 2
