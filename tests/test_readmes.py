"""Every README is true: its Python runs, its output is what is printed, its paths exist."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.metadata import metadata
from pathlib import Path

import pytest
import readme_checks
from agents.extensions import memory
from readme_checks import READMES, ROOT

from session_lab.models.offline.facts import GLOSSARY


def name(readme: Path) -> str:
    return str(readme.relative_to(ROOT))


def read(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def test_python_blocks_run_and_print_what_is_shown(tmp_path: Path) -> None:
    """In one folder for all READMEs: the files of one change no output of another."""
    problems = readme_checks.check_python(READMES, tmp_path)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("readme", READMES, ids=name)
def test_commands_and_prose_name_what_exists(readme: Path, tmp_path: Path) -> None:
    problems = readme_checks.check_commands(readme, tmp_path) + readme_checks.check_prose(readme)
    assert not problems, "\n".join(problems)


def test_the_first_two_commands_start_the_app_and_run_the_tests() -> None:
    start, test = readme_checks.commands(ROOT / "README.md")[:2]
    assert start.endswith("streamlit run streamlit_sessions_app.py")
    assert "pytest" in test
    checks = read(ROOT / ".ci" / "run")
    for number in (1, 2):
        assert f"$(readme_command {number})" in checks, "the checks do not run this command"


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


def test_the_words_that_are_explained_are_the_offline_model_s() -> None:
    words = read(ROOT / "7_1_basic_sessions" / "README.md").split("\n## Words\n")[1]
    assert re.findall(r"^- (.+)$", words, re.MULTILINE) == [*GLOSSARY.values()]


def test_the_root_readme_is_read_in_ten_minutes() -> None:
    """At 220 words a minute. Code, pictures and the targets of links are not read as words."""
    text = re.sub(r"!\[.*\]|\]\([^)]*\)", "]", readme_checks.prose(ROOT / "README.md"))
    assert len(re.findall(r"\S*\w\S*", text)) <= 2200


def test_the_lessons_take_the_minutes_that_they_say_and_begin_with_the_core() -> None:
    rows = re.findall(r"\((7_\w+/README.md)\) \|.*\| (\d+) \+ (\d+) \|", read(ROOT / "README.md"))
    assert len(rows) == 3
    core = ["Run it, and what you should see", "How it works", "What goes wrong", "Exercise"]
    for lesson, *minutes in rows:
        text = read(ROOT / lesson)
        said = re.findall(r"^- \*\*(?:The core|More).*, (\d+) minutes:", text, re.MULTILINE)
        assert said == minutes, lesson
        headings = re.findall(r"^## (.+)$", readme_checks.prose(ROOT / lesson), re.MULTILINE)
        assert headings[:5] == [*core, "More, when you need it"], lesson


def test_the_versions_that_were_tested_are_the_ends_of_the_range() -> None:
    low, high = re.findall(r"0\.(\d+)", read(ROOT / "requirements.txt"))[:2]
    assert f"openai-agents 0.{low} and 0.{int(high) - 1}," in read(ROOT / "README.md")


WRONG = """
```python
print("a b")
```

```text
a c
```

```python
import urllib.request
urllib.request.urlopen("http://1.1.1.1")
```

```bash
pip install -q -r lost.txt left-pad
python 7_9_nothing/agent.py
```

```text
a printout
```

```dotenv
NO_SUCH=1
```

See [this](lost/README.md), [that](#titel) and [those](http://example.org).
Look at `session_lab/lost.py` and `data/lost.db`.

```mermaid
sequenceDiagram
  participant A
  A->>B: hi
```
"""


def test_a_wrong_readme_is_found_out(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(WRONG, encoding="utf-8")
    problems = readme_checks.check_commands(readme, tmp_path) + readme_checks.check_prose(readme)
    problems += readme_checks.check_python([readme], tmp_path)
    wrong = [
        *("no lost.txt", "no left-pad", "the README shows:\na printout", "failed"),
        "no 7_9_nothing",
        *("NO_SUCH", "lost/README.md", "#titel", "http://example.org", "session_lab/lost.py"),
        *("data/lost.db", "A->>B", "the README shows:\na c", "must not use the network"),
    ]
    for problem, part in zip(problems, wrong, strict=True):
        assert part in problem
