"""The session classes that need OpenAI, on a loopback stand-in, and the two that are not run."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import readme_checks
from agents import OpenAIConversationsSession
from agents.extensions import memory
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


def test_the_constructors_that_are_not_run_are_those_of_the_sdk() -> None:
    text = readme_checks.prose(LESSON / "README.md")
    shown = re.findall(r"`((?:MongoDB|Dapr)Session\.[^`]+)`", text)
    assert len(shown) == 2
    folder = Path(str(memory.__file__)).parent
    sources = "".join(file.read_text(encoding="utf-8") for file in folder.glob("*_session.py"))
    tree = ast.parse(sources.replace("from __future__ import annotations", ""))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for source in shown:
        call: Any = ast.parse(source, mode="eval").body
        methods = {
            each.name: each
            for each in ast.walk(classes[call.func.value.id])
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        taken = methods[call.func.attr].args
        required = {
            given.arg
            for given, default in zip(taken.kwonlyargs, taken.kw_defaults, strict=True)
            if default is None
        }
        assert len(call.args) == len(taken.args) - 1, "the session's ID, after the class"
        given = {keyword.arg for keyword in call.keywords}
        assert required <= given <= {each.arg for each in taken.kwonlyargs}
        assert isinstance(methods["close"], ast.AsyncFunctionDef)
