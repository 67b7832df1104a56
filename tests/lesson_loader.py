"""Load and run the lessons: `import` cannot name a folder that starts with a digit."""

from __future__ import annotations

import importlib.util
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import readme_checks
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call
from agents.testing.model import ModelCall

from session_lab.history.items import text_of

ROOT = Path(__file__).resolve().parent.parent


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
    """A model that knows nothing: its reply is always "Reply.", what it was sent is in `.calls`.

    Where the settings require a tool call it makes one, for order A-1002.
    """
    return ScriptedModel([ModelStep.respond(_answer) for _ in range(60)])


def _answer(call: ModelCall) -> ModelStep:
    if call.model_settings.tool_choice == "required":
        order = {"order_id": "A-1002"}
        return ModelStep(output=[function_call("order_status", order, call_id="call_1")])
    return ModelStep(output=[assistant_message("Reply.")])


def sent(model: ScriptedModel) -> list[list[str]]:
    """What each model call was sent, an item as in "user: Hello"."""
    return [[short(item) for item in call.input] for call in model.calls]


def short(item: Any) -> str:
    """For example "user: Hello", and for a tool item its type."""
    if item.get("role") == "user":
        return f"user: {item['content']}"
    if item.get("role") == "assistant":
        return f"assistant: {text_of(item)}"
    return str(item["type"])


def rows(db_path: Path, session_id: str) -> list[str]:
    """The session's items as they stand in the file."""
    with closing(sqlite3.connect(db_path)) as db:
        query = "SELECT message_data FROM agent_messages WHERE session_id = ? ORDER BY id"
        return [short(json.loads(data)) for (data,) in db.execute(query, (session_id,))]


def run_from_root(tree: Path, folder: str) -> subprocess.CompletedProcess[str]:
    """Run a lesson as a reader without a key does, in `/`."""
    return readme_checks.run_python([str(tree / folder / "agent.py")], Path("/"))


def run_alone(folder: str, target: Path, url: str) -> subprocess.CompletedProcess[str]:
    """Run a lesson without `choose_model` in the empty folder `target`, on nothing but the SDK.

    The SDK's default model, OpenAI's, is asked at the address `url`.
    """
    source = (ROOT / folder / "agent.py").read_text(encoding="utf-8")
    source = source.replace("from session_lab.models import choose_model\n", "")
    source = source.replace(", model=choose_model()", "").replace("    model=choose_model(),\n", "")
    script = target / folder / "agent.py"
    script.parent.mkdir()
    script.write_text(source, encoding="utf-8")
    env = {**os.environ, "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "no-key"}
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=target,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    left = sorted(path.name for path in target.rglob("*") if path.is_file())
    assert left == ["agent.py"], "a file is left behind"
    return done


def run_twice_at_once(folder: str, temporary: Path) -> list[str]:
    """Run a lesson in two processes at the same time, in `/`, as a reader without a key does.

    Returns what each printed. Their temporary files are made below `temporary`, and must be gone.
    """
    command = [sys.executable, str(ROOT / folder / "agent.py")]
    env = {**readme_checks.offline_environment(), "TMPDIR": str(temporary), "TEMP": str(temporary)}
    runs = [
        subprocess.Popen(command, cwd="/", env=env, stdout=subprocess.PIPE, encoding="utf-8")
        for _ in range(2)
    ]
    printed = [run.communicate(timeout=120)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert list(temporary.iterdir()) == [], "a file is left behind"
    return printed


def files(tree: Path) -> set[str]:
    return {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}


def check_program(folder: str, database: str, tmp_path: Path) -> str:
    """Run a lesson twice and without a usable data folder; returns what it prints."""
    tree = readme_checks.copy_of_tree(tmp_path)
    before = files(tree)
    first, second = run_from_root(tree, folder), run_from_root(tree, folder)
    assert first.returncode == 0, first.stderr
    assert first.stderr.startswith("Model: ") and first.stderr.count("\n") == 1
    assert second.stdout == first.stdout, "the second run does not print what the first did"
    assert files(tree) - before == {f"data/{database}"}, "a file is left outside data/"
    (tree / "data" / database).unlink()
    (tree / "data").rmdir()
    (tree / "data").write_text("not a folder")
    failed = run_from_root(tree, folder)
    assert failed.returncode == 1
    assert len(failed.stderr.splitlines()) == 2, failed.stderr  # The model, then the error.
    return first.stdout


def run_solution(folder: str, lesson: ModuleType) -> dict[str, Any]:
    """Execute the exercise's solution, the last Python block of the README, and return its names.

    `from agent import ...` gets `lesson`.
    """
    return _run_blocks(folder, lesson, slice(-1, None))


def run_blocks(folder: str, lesson: ModuleType) -> dict[str, Any]:
    """The same for all Python blocks of the README, in one namespace."""
    return _run_blocks(folder, lesson, slice(None))


def _run_blocks(folder: str, lesson: ModuleType, which: slice) -> dict[str, Any]:
    readme = ROOT / folder / "README.md"
    python = [block for block in readme_checks.blocks(readme) if block.language == "python"]
    names: dict[str, Any] = {"__name__": "__main__"}
    assert "agent" not in sys.modules
    sys.modules["agent"] = lesson
    try:
        for block in python[which]:
            exec(compile(block.text, str(readme), "exec"), names)
    finally:
        del sys.modules["agent"]
    return names
