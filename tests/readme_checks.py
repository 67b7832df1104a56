"""What a README promises, checked. Each `check_*` function returns the problems that it found.

Conventions of the READMEs:
- The Python blocks of one README run in order, in one namespace, as if typed in its folder.
- A Python block whose first line is a comment with a file's name, such as `# app.py`, is a program
  of its own. A test of its own runs it (`programs`), and a command below it may name the file.
- A `text` block straight after a block of Python or of commands is exactly what that block prints.
  In it, `…` stands for what differs from one run to the next.
- A command line is either run (`python some_script.py`) or its files, packages and variables are
  looked up. A command that has no rule here is a problem.

Run as a program, this file prints a command of the root README, so that it can be executed as it
stands there: `python tests/readme_checks.py 1` prints the first one.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHELLS = {"bash", "console", "sh", "powershell"}
NOT_COPIED = (".git", ".venv", "data", ".env", "__pycache__", ".*_cache", ".hypothesis")
EXTERNAL = {"ollama", "llama-server", "vllm", "git", "cd"}
FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```[ \t]*$", re.MULTILINE | re.DOTALL)
PROGRAM = re.compile(r"# (\w+\.py)\n")
ASSIGNMENT = re.compile(r"^\w+=")


@dataclass
class Block:
    """A fenced block: its language, its text, the line of its first character."""

    language: str
    text: str
    line: int
    expected: str | None = None


def blocks(readme: Path) -> list[Block]:
    """The fenced blocks of a README; `expected` is the text of the `text` block that follows."""
    source = readme.read_text(encoding="utf-8")
    found: list[Block] = []
    end = -1
    for match in FENCE.finditer(source):
        lines = [line.removeprefix(match[1]) for line in match[3].splitlines()]
        block = Block(match[2], "\n".join(lines), source.count("\n", 0, match.start(3)) + 1)
        if block.language == "text" and found and not source[end : match.start()].strip():
            found[-1].expected = block.text
        found.append(block)
        end = match.end()
    return found


def programs(readme: Path) -> dict[str, str]:
    """The blocks that are a program of their own, by the name of the file."""
    python = [block.text for block in blocks(readme) if block.language == "python"]
    return {found[1]: text for text in python if (found := PROGRAM.match(text))}


def commands(readme: Path) -> list[str]:
    """Every command line of a README, in order, without prompts and comments."""
    return [line for block in blocks(readme) for line in command_lines(block)]


def command_lines(block: Block) -> list[str]:
    if block.language not in SHELLS:
        return []
    lines = block.text.replace("\\\n", " ").splitlines()
    if block.language == "console":
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def compare_output(readme: Path, block: Block, printed: str) -> list[str]:
    """Compare what a block printed with what the README shows below it."""
    if block.expected is None:
        return []
    pattern = "[^\n]*".join(re.escape(part) for part in block.expected.rstrip().split("…"))
    if re.fullmatch(pattern, printed.rstrip()):
        return []
    shown = f"the README shows:\n{block.expected}\nit prints:\n{printed}"
    return [f"{readme.name}:{block.line}: {shown}"]


def offline_environment() -> dict[str, str]:
    """The environment of a reader without a key. Blank variables also win over a `.env` file."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OPENAI_")}
    blank = dict.fromkeys(documented_variables(), "")
    return {**kept, **blank, "PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1"}


def documented_variables() -> list[str]:
    text = (ROOT / "env.example").read_text(encoding="utf-8")
    return re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", text, re.MULTILINE)


def run_python(
    arguments: list[str], folder: Path, stderr: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=offline_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


# --- Python blocks -----------------------------------------------------------------------------

RUNNER = r"""
import ast, asyncio, inspect, json, sys
def offline(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo"}:
        raise RuntimeError(f"a README block reached for the network: {arguments[-4:]}")
sys.addaudithook(offline)
sys.path[:0] = sys.argv[2:4]
loop, space = asyncio.new_event_loop(), {"__name__": "__main__"}
for line, source in json.loads(sys.argv[1]):
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code = compile("\n" * (line - 1) + source, "README.md", "exec", flags=flags)
    result = eval(code, space)
    if inspect.iscoroutine(result):
        loop.run_until_complete(result)
    print("\x00", end="", flush=True)
"""


def check_python(readme: Path, folder: Path) -> list[str]:
    """Run a README's Python blocks in `folder`, offline, and compare what they print."""
    python = [
        block
        for block in blocks(readme)
        if block.language == "python" and not PROGRAM.match(block.text)
    ]
    if not python:
        return []
    program = json.dumps([(block.line, block.text) for block in python])
    done = run_python(["-c", RUNNER, program, str(readme.parent), str(ROOT)], folder)
    printed = done.stdout.split("\x00")[:-1]
    problems = [
        problem
        for block, output in zip(python, printed, strict=False)
        for problem in compare_output(readme, block, output)
    ]
    if done.returncode:
        problems.append(f"{readme}: a Python block failed:\n{done.stderr}")
    return problems


# --- Command lines -----------------------------------------------------------------------------


def copy_of_tree(folder: Path) -> Path:
    """The repository as a fresh clone has it; what a command leaves behind goes with the copy."""
    target = folder / "clone"
    shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*NOT_COPIED))
    return target


def check_commands(readme: Path, tree: Path) -> list[str]:
    """Run the scripts that a README's command lines name, look up everything else."""
    for name, text in programs(readme).items():
        (tree / name).write_text(text, encoding="utf-8")
    problems: list[str] = []
    for block in blocks(readme):
        if block.language == "dotenv":
            names = [line.split("=")[0] for line in block.text.splitlines()]
            problems += unknown_variables(names)
        printed = ""
        for line in command_lines(block):
            for part in re.split(r"&&|;", line):
                output, found = check_command(part.strip(), tree)
                printed += output
                problems += [f"{readme.name}:{block.line}: {problem}" for problem in found]
        if command_lines(block):
            problems += compare_output(readme, block, printed)
    return problems


def check_command(command: str, tree: Path) -> tuple[str, list[str]]:
    """What one command prints (if it is a script to run), and what is wrong with it."""
    words = shlex.split(command.replace("\\", "/"))
    names = [word.split("=")[0] for word in words if ASSIGNMENT.match(word)]
    words = [word for word in words if not ASSIGNMENT.match(word)]
    problems = unknown_variables(names)
    if not words or words[0] == "export":
        return "", problems
    if words == [".venv/Scripts/Activate.ps1"]:
        return "", problems
    program = Path(words[0]).name.removesuffix(".exe")
    # A benchmark takes its time; test_repository.py runs a short one.
    is_script = words[1:] and words[1].endswith(".py") and not words[1].startswith("benchmarks/")
    if program in {"python", "python3", "py"} and is_script and not names:
        # As in a terminal: what is said on stderr stands in the printout.
        done = run_python(words[1:], tree, subprocess.STDOUT)
        failed = [f"{command!r} failed:\n{done.stdout}"] if done.returncode else []
        return done.stdout, problems + failed
    return "", problems + look_up(program, words[1:], tree)


def unknown_variables(names: list[str]) -> list[str]:
    documented = documented_variables()
    return [f"{name} is not in env.example" for name in names if name not in documented]


def look_up(program: str, words: list[str], tree: Path) -> list[str]:
    """Check the files and packages that a command names, without running it."""
    if program in EXTERNAL:
        return []
    if program in {"python", "python3", "py"} and words[:1] == ["-m"]:
        program, words = words[1], words[2:]
    if program == "venv":
        return [] if words == [".venv"] else [f"an environment that is not ignored: {words}"]
    if program == "source":
        return [] if words == [".venv/bin/activate"] else [f"nothing makes {words}"]
    if program == "pip":
        return look_up_packages(words, tree)
    if program == "cp":
        words = words[:1]
    elif program == "streamlit":
        words = words[1:2]
    elif program not in {"python", "python3", "py", "bash", "pytest", "ruff", "mypy"}:
        return [f"no rule for the command {program!r}"]
    files = [word for word in words if re.search(r"[/.]", word) and not word.startswith("-")]
    return [f"{name} does not exist" for name in files if not (tree / name).exists()]


def look_up_packages(words: list[str], tree: Path) -> list[str]:
    listed = (tree / "requirements.txt").read_text() + (tree / "requirements-dev.txt").read_text()
    problems = []
    for option, word in pairwise(words):
        if option == "-r" and not (tree / word).is_file():
            problems.append(f"{word} does not exist")
        if option != "-r" and not word.startswith("-") and f"\n{word}" not in listed:
            problems.append(f"{word} is not in the requirements")
    return problems


# --- Prose -------------------------------------------------------------------------------------

INLINE_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
PATH = re.compile(r"\.?[\w-]+([./][\w-]+)*/?")
FILE_ENDINGS = (".py", ".md", ".txt", ".toml", ".example", ".yml", "/")
MESSAGE = re.compile(r"(\w+)(->>|-->>|-x|--x)(\w+): [^;#]+")


def prose(readme: Path) -> str:
    return FENCE.sub("", readme.read_text(encoding="utf-8"))


def anchors(readme: Path) -> set[str]:
    """The anchors that GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", prose(readme), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


def check_links(readme: Path) -> list[str]:
    """Every link inside the repository leads somewhere; every other one is https."""
    problems = []
    links = re.findall(r"\]\(([^)\s]+)\)|(?:href|src)=\"([^\"]+)\"", prose(readme))
    for target in (markdown or html for markdown, html in links):
        path, _, anchor = target.partition("#")
        file = readme.parent / path if path else readme
        if "://" in target:
            wrong = not target.startswith("https://")
        else:
            wrong = not file.exists() or bool(anchor and anchor not in anchors(file))
        if wrong:
            problems.append(f"{readme.name}: the link {target} leads nowhere")
    return problems


def check_paths(readme: Path) -> list[str]:
    """Every path in backticks exists, is a program shown here, is written by the code below data/,
    or is ignored by git.
    """
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    writers = [*ROOT.glob("7_*/*.py"), *ROOT.glob("session_lab/**/*.py")]
    code = "".join(file.read_text(encoding="utf-8") for file in writers)
    problems = []
    for name in INLINE_CODE.findall(prose(readme)):
        if not PATH.fullmatch(name) or ("/" not in name and not name.endswith(FILE_ENDINGS)):
            continue
        written = name.startswith("data/") and (name == "data/" or Path(name).name in code)
        # "agent.py" names the script of each lesson.
        bases = (ROOT, readme.parent, *ROOT.glob("7_*"))
        known = any((base / name).exists() for base in bases)
        if not known and not written and name not in [*ignored, *programs(readme)]:
            problems.append(f"{readme.name}: there is no {name}")
    return problems


def check_mermaid(readme: Path) -> list[str]:
    """Each diagram is a sequence diagram of declared participants, the only kind used here."""
    problems = []
    for block in blocks(readme):
        if block.language != "mermaid":
            continue
        first, *lines = [line.strip() for line in block.text.splitlines()]
        people = [line.split()[1] for line in lines if line.startswith("participant ")]
        messages = [line for line in lines if line and not line.startswith("participant ")]
        ends = [(line, MESSAGE.fullmatch(line)) for line in messages]
        bad = [line for line, m in ends if not m or m[1] not in people or m[3] not in people]
        if first != "sequenceDiagram" or not people:
            bad.insert(0, first)
        problems += [f"{readme.name}:{block.line}: not drawn by GitHub: {line}" for line in bad]
    return problems


if __name__ == "__main__":
    print(commands(ROOT / "README.md")[int(sys.argv[1]) - 1])
