"""Every README is true: its Python runs, its output is what is printed, its paths exist."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.metadata import metadata
from pathlib import Path

import agents
import pytest
import readme_checks
from agents.extensions import memory
from readme_checks import ROOT

READMES = [ROOT / "README.md", *sorted(ROOT.glob("[0-9a-z]*/README.md"))]
FOLDERS = ["7_1_basic_sessions", "7_2_memory_operations", "7_3_multi_sessions", "benchmarks"]


def name(readme: Path) -> str:
    return str(readme.relative_to(ROOT))


def read(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def test_every_readme_is_found() -> None:
    found = [name(readme) for readme in READMES if readme.is_file()]
    assert found == ["README.md", *(f"{folder}/README.md" for folder in FOLDERS)]


@pytest.mark.parametrize("readme", READMES, ids=name)
def test_python_blocks_run_and_print_what_is_shown(readme: Path, tmp_path: Path) -> None:
    problems = readme_checks.check_python(readme, tmp_path)
    assert not problems, "\n".join(problems)


def test_the_files_of_one_readme_change_no_output_of_another_nor_of_a_second_run(
    tmp_path: Path,
) -> None:
    for readme in [*READMES, *READMES]:
        problems = readme_checks.check_python(readme, tmp_path)
        assert not problems, "\n".join(problems)


@pytest.mark.parametrize("readme", READMES, ids=name)
def test_commands_work(readme: Path, tmp_path: Path) -> None:
    tree = readme_checks.copy_of_tree(tmp_path)
    problems = readme_checks.check_commands(readme, tree)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("readme", READMES, ids=name)
@pytest.mark.parametrize("check", ["check_links", "check_paths", "check_mermaid"])
def test_prose_names_what_exists(readme: Path, check: str) -> None:
    problems = getattr(readme_checks, check)(readme)
    assert not problems, "\n".join(problems)


def test_the_first_two_commands_start_the_app_and_run_the_tests() -> None:
    start, test = readme_checks.commands(ROOT / "README.md")[:2]
    assert start.endswith("streamlit run streamlit_sessions_app.py")
    assert "pytest" in test
    checks = read(ROOT / ".ci" / "run")
    for number in (1, 2):
        assert f"$(readme_command {number})" in checks, "the checks do not run this command"


def test_the_sdk_has_each_session_class_that_is_named() -> None:
    named = set(re.findall(r"`(\w+Session)`", read(ROOT / "README.md")))
    sources = Path(agents.__file__).parent.rglob("*session*.py")
    defined = re.findall(r"^class (\w+)", "".join(map(read, sources)), re.MULTILINE)
    assert len(named) > 8
    assert named <= set(defined)


def test_each_session_class_is_where_the_table_says_and_needs_what_it_says() -> None:
    cells = [line.strip("|").split("|") for line in read(ROOT / "README.md").splitlines()]
    rows = [line[1:] for line in cells if len(line) == 4 and "Session" in line[1]]
    extras = metadata("openai-agents").get_all("Provides-Extra")
    lazy: dict[str, tuple[str, tuple[str, str] | None]] = vars(memory)["_LAZY_EXPORTS"]
    assert len(rows) > 10
    for use, module, needs in rows:
        name = re.findall(r"`(\w*Session)\b", use)[0]
        assert name in import_module(module.strip(" `")).__all__, f"{name}: {module}"
        extra = (lazy[name][1] or ("", ""))[1] if name in lazy else ""
        assert re.findall(r"openai-agents\[(\w+)\]", needs) == [extra] * bool(extra), name
        assert not extra or extra in extras


# The checks themselves: each of these READMEs is wrong in one way.

WRONG = {
    "other output": ("check_python", '```python\nprint("a b")\n```\n```text\na c\n```\n'),
    "output missing": ("check_python", "```python\npass\n```\n\n```text\nhello\n```\n"),
    "an exception": ("check_python", "```python\nundefined_name\n```\n"),
    "wrong await": ("check_python", "```python\nawait 1\n```\n"),
    "the network": ("check_python", "```python\nimport urllib.request as u\nu.urlopen('http://1.1.1.1')\n```\n"),
    "a lost file": ("check_commands", "```bash\npython 7_9_nothing/agent.py\n```\n"),
    "a lost app": ("check_commands", "```bash\nstreamlit run lost_app.py\n```\n"),
    "a lost list": ("check_commands", "```bash\npip install -q -r lost.txt\n```\n"),
    "an unlisted package": ("check_commands", "```bash\npip install left-pad\n```\n"),
    "a lost environment": ("check_commands", "```bash\nsource venv/bin/activate\n```\n"),
    "a lost copy": ("check_commands", "```bash\ncp env.sample .env\n```\n"),
    "an unknown variable": ("check_commands", "```bash\nNO_SUCH=1 streamlit\n```\n"),
    "an unknown setting": ("check_commands", "```dotenv\nNO_SUCH=1\n```\n"),
    "an unknown command": ("check_commands", "```console\n$ frobnicate\n```\n"),
    "a failing script": ("check_commands", "```bash\npython fails.py\n```\n"),
    "other script output": (
        "check_commands",
        "```bash\npython says_hi.py\n```\n```text\nho …\n```\n",
    ),
    "a dead link": ("check_links", "See [this](lost/README.md).\n"),
    "a dead anchor": ("check_links", "# Title\nSee [this](#titel).\n"),
    "a dead picture": ("check_links", '<img src="lost.png">\n'),
    "an open link": ("check_links", "[docs](http://example.org)\n"),
    "a lost path": ("check_paths", "Look at `session_lab/lost.py`.\n"),
    "a file nobody writes": ("check_paths", "Look at `data/lost.db`.\n"),
    "a strange diagram": ("check_mermaid", "```mermaid\nsequence\n  participant A\n```\n"),
    "an undeclared participant": (
        "check_mermaid",
        "```mermaid\nsequenceDiagram\n  participant A\n  A->>B: hi\n```\n",
    ),
}  # fmt: skip


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    (tmp_path / "fails.py").write_text("raise SystemExit(1)\n")
    (tmp_path / "says_hi.py").write_text("print('hi', id(object()))\n")
    for list_name in ("requirements.txt", "requirements-dev.txt"):
        (tmp_path / list_name).write_text("# lists\nopenai-agents>=0.22\n")
    return tmp_path


@pytest.mark.parametrize(("check", "text"), WRONG.values(), ids=WRONG)
def test_a_wrong_readme_is_found_out(check: str, text: str, small_tree: Path) -> None:
    readme = small_tree / "README.md"
    readme.write_text(text, encoding="utf-8")
    needs_folder = check in {"check_python", "check_commands"}
    problems = getattr(readme_checks, check)(readme, *([small_tree] if needs_folder else []))
    assert len(problems) == 1, problems


def test_a_right_readme_passes(small_tree: Path) -> None:
    readme = small_tree / "README.md"
    readme.write_text(
        "# A title: with `code`\n[up](#a-title-with-code) and `README.md`, `.env`, `data/`\n"
        "```python\nimport asyncio\nx = await asyncio.sleep(0, 7)\n```\n"
        "```python\nprint(x, id(x))\nasyncio.run(asyncio.sleep(0))\n```\n\n```text\n7 …\n```\n"
        "```bash\n# comment\npip install -r requirements.txt && python says_hi.py\n```\n"
        "```text\nhi …\n```\n"
        "```mermaid\nsequenceDiagram\n  participant A\n  A-->>A: hi there\n```\n",
        encoding="utf-8",
    )
    assert readme_checks.check_python(readme, small_tree) == []
    assert readme_checks.check_commands(readme, small_tree) == []
    for check in ("check_links", "check_paths", "check_mermaid"):
        assert getattr(readme_checks, check)(readme) == []
