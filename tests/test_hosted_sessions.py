"""The session classes that need OpenAI, against a stand-in for it on loopback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import readme_checks
from agents import OpenAIConversationsSession
from hosted_openai import COMPACT, HostedOpenAI
from openai import AsyncOpenAI
from readme_checks import ROOT

LESSON = ROOT / "7_3_multi_sessions"


@pytest.fixture
def openai() -> Iterator[HostedOpenAI]:
    with HostedOpenAI() as server:
        yield server


def test_the_program_prints_what_the_readme_shows(openai: HostedOpenAI, tmp_path: Path) -> None:
    offline = readme_checks.offline_environment()
    settings = {
        **offline,
        "PYTHONPATH": os.pathsep.join([str(LESSON), offline["PYTHONPATH"]]),
        "OPENAI_API_KEY": "not-a-key",
        "OPENAI_BASE_URL": openai.url,
        "OPENAI_COMPATIBLE_API": "responses",
        "OPENAI_DEFAULT_MODEL": "gpt-4.1",
    }
    problems = readme_checks.check_program(LESSON / "README.md", "hosted.py", tmp_path, settings)
    assert not problems, "\n".join(problems)
    assert openai.conversations == {}, "the program deleted its conversation"
    assert [request.path for request in openai.requests].count(COMPACT) == 1


async def test_a_long_conversation_is_read_over_pages_and_popped(openai: HostedOpenAI) -> None:
    items: list[Any] = [{"role": "user", "content": f"Number {n}."} for n in range(45)]
    async with AsyncOpenAI(base_url=openai.url, api_key="not-a-key") as client:
        session = OpenAIConversationsSession(openai_client=client)
        for start in range(0, 45, 20):
            await session.add_items(items[start : start + 20])
        stored: list[Any] = await session.get_items()
        assert [item["content"][0]["text"] for item in stored] == [i["content"] for i in items]
        assert await session.get_items(limit=21) == stored[-21:]
        assert await session.pop_item() == stored[-1]
        assert await session.get_items() == stored[:-1]
        other = OpenAIConversationsSession(openai_client=client)
        assert await other.get_items() == [], "another conversation"
