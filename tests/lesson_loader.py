"""Load and run the lessons: `import` cannot name a folder that starts with a digit."""

from __future__ import annotations

import importlib.util
import os
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from agents.testing import ScriptedModel, assistant_message
from loopback_server import LoopbackServer, Request
from readme_checks import ROOT, python_blocks, run_python

from session_lab.history.items import text_of


def load_lesson(folder: str) -> ModuleType:
    """A fresh module of `folder`/agent.py; `sys.path` stays as it was."""
    path = list(sys.path)
    spec = importlib.util.spec_from_file_location(folder, ROOT / folder / "agent.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path[:] = path
    return module


def recording_model() -> ScriptedModel:
    """A model that knows nothing: its reply is always "Reply.", what it was sent is in `.calls`."""
    return ScriptedModel([[assistant_message("Reply.")] for _ in range(60)])


def sent(model: ScriptedModel) -> list[list[str]]:
    """What each model call was sent, an item as in "user: Hello"."""
    return [[short(item) for item in call.input] for call in model.calls]


def short(item: Any) -> str:
    """For example "user: Hello", and for a tool item its type."""
    is_message = item.get("role") in ("user", "assistant")
    return f"{item['role']}: {text_of(item)}" if is_message else str(item["type"])


def said(items: int) -> str:
    """The loopback server's reply to a request with so many items."""
    return f"assistant: I was sent {items} items."


class Ran(NamedTuple):
    requests: list[Request]
    sent: list[list[str]]
    """The items of each request, as in "user: Hello"."""
    printed: str


def run_alone(folder: str, target: Path) -> Ran:
    """Run a lesson without `choose_model`, in a folder of its own, on nothing but the SDK.

    The SDK's default model, OpenAI's, is asked at a server on loopback. Nothing may be left behind.
    """
    source = (ROOT / folder / "agent.py").read_text(encoding="utf-8")
    source = source.replace("from session_lab.models import choose_model\n", "")
    source = source.replace(", model=choose_model()", "").replace("    model=choose_model(),\n", "")
    script = target / folder / "agent.py"
    script.parent.mkdir()
    script.write_text(source, encoding="utf-8")
    with LoopbackServer() as server:
        settings = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "no-key"}
        temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(target))
        done = run_python([str(script)], Path("/"), env={**os.environ, **settings, **temporary})
        assert (done.returncode, done.stderr) == (0, "")
        assert list(target.rglob("*")) == [script.parent, script], "a file is left behind"
        items = [[short(item) for item in request.items] for request in server.requests]
        return Ran(server.requests, items, done.stdout)


def run_readme(folder: str, lesson: ModuleType) -> dict[str, Any]:
    """The names that the Python blocks of a README define, programs left out.

    `agent` in them is `lesson`.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    assert "agent" not in sys.modules
    sys.modules["agent"] = lesson
    try:
        with redirect_stdout(StringIO()):
            for block in python_blocks(ROOT / folder / "README.md"):
                exec(compile(block.text, folder, "exec"), names)
    finally:
        del sys.modules["agent"]
    return names
