"""What a README promises, checked. Each `check_*` function returns the problems that it found.

Conventions of the READMEs:
- The Python blocks of one README run in order, in one namespace, as if typed in its folder. They
  may be run again in the same folder, and print the same.
- A Python block whose first line is a comment with a file's name, such as `# app.py`, is a program
  of its own. A command below it may name the file; or a test of its own runs it (`programs`).
- A `text` block straight after a block of Python or of commands is exactly what that block prints.
  In it, `…` stands for what differs from one run to the next.
- A command whose printout is shown is run: a program that the README shows in a folder of its own,
  with what the commands before have left there. Of any other command, every word is looked up.

Run as a program, this file prints a command of the root README, so that it can be executed as it
stands there: `python tests/readme_checks.py 1` prints the first one.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READMES = [ROOT / "README.md", *sorted(ROOT.glob("[0-9a-z]*/README.md"))]
SHELLS = {"bash", "powershell"}
WORDS = {"python3", "python", "py", "venv", "pip", "install", "cp", "source"}
WORDS |= {"streamlit", "run", "pytest", "auto", "session_lab.doctor", "uv"}
"""What the commands are made of, beside options and files."""
FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```[ \t]*$", re.MULTILINE | re.DOTALL)
PROGRAM = re.compile(r"# (\w+\.py)\n")


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
    lines = block.text.splitlines() if block.language in SHELLS else []
    return [line for line in lines if line and not line.startswith("#")]


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
    arguments: list[str],
    folder: Path,
    stderr: int = subprocess.PIPE,
    env: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=env or offline_environment(),
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
loop = asyncio.new_event_loop()
path = [*sys.path]
for folder, blocks in json.loads(sys.argv[1]):
    sys.path[:] = folder, sys.argv[2], *path
    for _ in range(2):
        sys.modules.pop("agent", None)
        space = {"__name__": "__main__"}
        for line, source in blocks:
            flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            code = compile("\n" * (line - 1) + source, f"{folder}/README.md", "exec", flags=flags)
            result = eval(code, space)
            if inspect.iscoroutine(result):
                loop.run_until_complete(result)
            print("\x00", end="", flush=True)
"""


def check_python(readmes: list[Path], folder: Path) -> list[str]:
    """Run the READMEs' Python blocks in `folder`, offline, twice, and compare what they print.

    One process runs all, since importing the SDK takes longest.
    """
    python = [(readme, python_blocks(readme)) for readme in readmes]
    program = [(str(each.parent), [(b.line, b.text) for b in found]) for each, found in python]
    done = run_python(["-c", RUNNER, json.dumps(program), str(ROOT)], folder)
    run = [(readme, block) for readme, found in python for block in [*found, *found]]
    problems = [
        problem
        for (readme, block), output in zip(run, done.stdout.split("\x00"), strict=False)
        for problem in compare_output(readme, block, output)
    ]
    if done.returncode:
        problems.append(f"a Python block failed:\n{done.stderr}")
    return problems


def python_blocks(readme: Path) -> list[Block]:
    """The blocks that are run in order, in one namespace."""
    found = [block for block in blocks(readme) if block.language == "python"]
    return [block for block in found if not PROGRAM.match(block.text)]


def save_programs(readme: Path, folder: Path) -> None:
    for name, text in programs(readme).items():
        (folder / name).write_text(text, encoding="utf-8")


def check_program(readme: Path, name: str, folder: Path, env: dict[str, str]) -> list[str]:
    """Save a README's programs in `folder`, run one of them, and compare what it prints."""
    save_programs(readme, folder)
    [block] = [block for block in blocks(readme) if block.text.startswith(f"# {name}\n")]
    done = run_python([name], folder, env=env)
    problems = compare_output(readme, block, done.stdout)
    if done.returncode:
        problems.append(f"{readme}: {name} failed:\n{done.stderr}")
    return problems


# --- Command lines -----------------------------------------------------------------------------


def check_commands(readme: Path, folder: Path) -> list[str]:
    """Run the scripts whose printout is shown, and look up every word of the other commands.

    The README's programs are saved in `folder`. They may import what stands beside the README.
    """
    save_programs(readme, folder)
    environment = offline_environment()
    paths = [str(readme.parent), str(ROOT), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    problems: list[str] = []
    for block in blocks(readme):
        if block.language == "dotenv":
            names = [line.split("=")[0] for line in block.text.splitlines()]
            unknown = [name for name in names if name not in documented_variables()]
            problems += [f"{readme.name}:{block.line}: {name} is not known" for name in unknown]
        for line in command_lines(block):
            words = shlex.split(line.replace("\\", "/").replace(";", " ; "))
            if words[0] == "python" and block.expected is not None:
                is_shown = words[1] in programs(readme)
                place, env = (folder, environment) if is_shown else (ROOT, None)
                # As in a terminal: what is said on stderr stands in the printout.
                done = run_python(words[1:], place, subprocess.STDOUT, env)
                problems += compare_output(readme, block, done.stdout)
                problems += [f"{line!r} failed"] * bool(done.returncode)
            unknown = [word for word in words if not is_known(word, readme)]
            problems += [f"{readme.name}:{block.line}: no {word} in {line!r}" for word in unknown]
    return problems


def is_known(word: str, readme: Path) -> bool:
    if word.startswith("-") or word in {"&&", ";", ".venv", ".env", *WORDS, *programs(readme)}:
        return True
    if word.startswith(".venv/"):
        return Path(word).name in {"activate", "Activate.ps1", *WORDS}
    return (ROOT / word).exists()


# --- Prose -------------------------------------------------------------------------------------

INLINE_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
PATH = re.compile(r"\.?[\w-]+([./][\w-]+)*/?")
FILE_ENDINGS = (".py", ".md", ".txt", ".toml", ".example", ".yml", "/")


def prose(readme: Path) -> str:
    return FENCE.sub("", readme.read_text(encoding="utf-8"))


def anchors(readme: Path) -> set[str]:
    """The anchors that GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", prose(readme), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


def check_prose(readme: Path) -> list[str]:
    return [*check_links(readme), *check_paths(readme), *check_mermaid(readme)]


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
        if block.language == "mermaid":
            first, *lines = [line.strip() for line in block.text.splitlines()]
            people = "|".join(line.split()[1] for line in lines if line.startswith("participant "))
            right = re.compile(
                rf"participant \w+|rect rgba\([\d., ]+\)|end|({people})-?->>({people}): [^;#]+"
            )
            bad = [first] * (first != "sequenceDiagram")
            bad += [line for line in lines if not right.fullmatch(line)]
            problems += [f"{readme.name}:{block.line}: not drawn: {line}" for line in bad]
    return problems


if __name__ == "__main__":
    print(commands(ROOT / "README.md")[int(sys.argv[1]) - 1])
