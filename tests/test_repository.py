"""What holds for the repository as a whole."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

from readme_checks import ROOT, commands, documented_variables, is_known

LESSONS = sorted(ROOT.glob("7_*/agent.py"))
CODE = [
    ROOT / "streamlit_sessions_app.py",
    *LESSONS,
    *sorted((ROOT / "session_lab").rglob("*.py")),
]


def variables_read(source: str) -> set[str]:
    """The names of environment variables in a program: every string that looks like ours."""
    strings = [
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return {text for text in strings if re.fullmatch(r"(OPENAI|SESSIONS)_[A-Z_]+", text)}


def test_the_variables_in_env_example_are_those_that_the_code_reads() -> None:
    read = set().union(*(variables_read(file.read_text(encoding="utf-8")) for file in CODE))
    assert sorted(read) == sorted(documented_variables())


def test_every_variable_in_env_example_has_a_comment() -> None:
    lines = (ROOT / "env.example").read_text(encoding="utf-8").splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        if re.match(r"#? ?[A-Z][A-Z0-9_]+=", line):
            assert before.startswith("# "), f"nothing explains {line!r}"


def test_requirements_name_what_the_code_imports_and_nothing_else() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    names = [re.split(r"[<>=]", line)[0] for line in lines if line and not line.startswith("#")]
    assert names == ["openai-agents", "streamlit", "python-dotenv"]
    assert all(re.search(r">=[\d.]+,<[\d.]+$", line) for line in lines if not line.startswith("#"))
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in CODE]
    imported = {module.split(".")[0] for tree in trees for module in imported_modules(tree)}
    # The SDK brings openai, and openai brings its HTTP library.
    brought = [*(requires("openai-agents") or []), *(requires("openai") or [])]
    through_the_sdk = {re.split(r"[^\w-]", line)[0] for line in brought}
    foreign = imported - sys.stdlib_module_names - {"session_lab", "agents", "streamlit", "dotenv"}
    assert foreign <= {name.replace("-", "_") for name in through_the_sdk}


def imported_modules(tree: ast.Module) -> list[str]:
    modules = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom) and node.module:
            modules.append(node.module)
    return modules


def test_what_running_leaves_behind_is_ignored(tmp_path: Path) -> None:
    left = ["data/sessions.db", ".venv/bin/python", "uv.lock", ".env", "tests/__pycache__/x.pyc"]
    left += [f"x.db{end}" for end in ("", "-journal", "-shm", "-wal")]
    left += [f".{tool}/x" for tool in ("hypothesis", "pytest_cache", "mypy_cache", "ruff_cache")]
    # A repository of its own, so that this also holds where git is not told about this one.
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text((ROOT / ".gitignore").read_text(encoding="utf-8"))
    command = ["git", "-C", str(tmp_path), "check-ignore", *left]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.splitlines() == left


def test_the_container_starts_what_the_readme_starts() -> None:
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8")
    container = json.loads(text)
    start = f"{container['postCreateCommand']} && {container['postAttachCommand']}"
    assert start.startswith(commands(ROOT / "README.md")[0])
    # The container's port is forwarded, so the lab listens on localhost there, too.
    settings = (ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    assert 'address = "localhost"' in settings and "port" not in settings
    assert "address" not in start and "enableCORS" not in start and "-8501." in start
    assert container["forwardPorts"] == [8501] and [*container["portsAttributes"]] == ["8501"]


def test_the_workflow_runs_commands_that_exist() -> None:
    text = (ROOT / ".github" / "workflows" / "checks.yml").read_text(encoding="utf-8")
    *system, checks, install, tests = re.findall(r"^ +- run: (.+)$", text, re.MULTILINE)
    assert checks == "bash .ci/run" and (ROOT / ".ci" / "run").exists()
    assert all(line.startswith("sudo apt-get ") for line in system)
    needed = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    packages = [word for word in system[-1].split()[3:] if not word.startswith("-")]
    assert packages and all(f"missing+=({word})" in needed for word in packages)
    words = f"{install} {tests}".split()
    assert [word for word in words if not is_known(word, ROOT / "README.md")] == []
    # The same tests as the README's second command.
    assert commands(ROOT / "README.md")[1].endswith(tests.removeprefix("python -m "))
    for system_name in ("ubuntu", "windows", "macos"):
        assert f"{system_name}-latest" in text


LAYERS = ["history", "models store", "code_view", "runs", "lessons", "pages"]
"""The packages of `session_lab`: each imports from its own line and from those before it."""


def test_dependencies_point_one_way_and_never_to_a_private_name() -> None:
    layer = {name: number for number, names in enumerate(LAYERS) for name in names.split()}
    files = [
        file for file in (ROOT / "session_lab").rglob("*.py") if file.parent.name != "session_lab"
    ]
    folders = {file.relative_to(ROOT).parts[1] for file in files}
    assert folders == set(layer)
    for file in files:
        name = file.relative_to(ROOT).parts[1]
        tree = ast.parse(file.read_text(encoding="utf-8"))
        streamlit = [each for each in imported_modules(tree) if each.startswith("streamlit")]
        assert name == "pages" or not streamlit, f"{file}: only pages know Streamlit"
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("session_lab."):
                used = str(node.module).split(".")[1]
                assert layer[used] <= layer[name], f"{file} imports {node.module}"
                assert not [each.name for each in node.names if each.name.startswith("_")], file


def test_the_benchmark_prints_the_table_that_its_readme_shows() -> None:
    script = ROOT / "benchmarks" / "turn_cost.py"
    command = [sys.executable, str(script), "--rounds", "1", "--sizes", "0", "30"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    readme = (script.parent / "README.md").read_text(encoding="utf-8")
    printed, shown = (
        [line for line in text.splitlines() if line.startswith("|")]
        for text in (done.stdout, readme.partition("\n# ")[0])
    )
    assert printed[:2] == shown[:2]
    line = r"\| [\d,]+ \| (everything|limit=20) \| [\d,]+ \| [\d.]+ \| [\d.]+ to [\d.]+ \|"
    assert [bool(re.fullmatch(line, row)) for row in printed[2:] + shown[2:]] == [True] * 10
    sent = [row.split("|")[3].strip() for row in printed[2:]]
    assert sent == ["1", "1", "31", "21"]
