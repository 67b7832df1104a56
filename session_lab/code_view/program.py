"""The text of a Python program: literals that are safe, and the imports that its code needs."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterable
from pathlib import Path

MAX_NESTING = 90
"""CPython's compiler refuses a literal of 200 nested brackets."""

_FROM = {
    "agents": [
        "Agent",
        "RunConfig",
        "Runner",
        "SessionSettings",
        "SQLiteSession",
        "set_tracing_disabled",
    ],
    "agents.exceptions": ["MaxTurnsExceeded"],
    "agents.run": ["ModelInputData"],
    "agents.testing": ["ScriptedModel"],
    "openai.types.responses": ["ResponseOutputItem"],
    "pathlib": ["Path"],
    "pydantic": ["TypeAdapter"],
    "session_lab.code_view.agents": ["make_agent"],
    "session_lab.models": ["choose_model"],
}
_MODULES = ["asyncio", "json", "sys"]


def literal(value: object) -> str:
    """Python source for a JSON value, on one line, whatever quotes or line ends its text holds."""
    try:
        text = json.dumps(value, allow_nan=False)
    except ValueError:
        text = ""
    if not text or (text.count("[") + text.count("{") > MAX_NESTING < _depth(value)):
        return f"json.loads({_string(json.dumps(value))})"
    return _literal(value)


def _literal(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_literal(k)}: {_literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return _string(value) if isinstance(value, str) else repr(value)


def _string(text: str) -> str:
    """In double quotes, unless `repr` is easier to read or has to escape what cannot be shown."""
    quoted = json.dumps(text, ensure_ascii=False)
    only_double = '"' in text and "'" not in text
    return repr(text) if only_double or not quoted.isprintable() else quoted


def _depth(value: object) -> int:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, parts), default=0)


def program(body: str, source: Path | None = None, docstring: str = "") -> str:
    """A whole program: the code of `source`, then `body`, with one block of imports at the top.

    Names that `body` uses and does not define are imported from the SDK or from the lab.
    """
    imports: dict[str, set[str]] = {}
    code = ""
    if source is not None:
        code = _without_imports(source.read_text(encoding="utf-8"), imports)
    tree = ast.parse(code + body)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for module, names in _FROM.items():
        if wanted := {name for name in names if name in used - defined}:
            imports.setdefault(module, set()).update(wanted)
    for module in _MODULES:
        if module in used:
            imports.setdefault(module, set())
    gap = "\n\n" if (code + body).startswith(("def", "async", "class")) else "\n"
    return docstring + _import_lines(imports) + gap + code + body


def _without_imports(source: str, imports: dict[str, set[str]]) -> str:
    """The code after a module's docstring and imports; the imports are added to `imports`."""
    first = 0
    for node in ast.parse(source).body:
        if isinstance(node, ast.ImportFrom):
            imports.setdefault(str(node.module), set()).update(alias.name for alias in node.names)
        elif not isinstance(node, ast.Expr):
            first = node.lineno
            break
    return "".join(source.splitlines(keepends=True)[first - 1 :]).rstrip() + "\n\n\n"


def _import_lines(imports: dict[str, set[str]]) -> str:
    blocks: list[list[str]] = [[], [], []]
    for module in sorted(imports, key=lambda name: (bool(imports[name]), name)):
        names = sorted(imports[module], key=lambda name: (name[0].islower(), name.lower()))
        line = f"from {module} import {', '.join(names)}" if names else f"import {module}"
        if len(line) > 100:
            line = f"from {module} import (\n" + lines((f"{name}," for name in names), 4) + ")"
        blocks[_block(module)].append(line)
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _block(module: str) -> int:
    top = module.partition(".")[0]
    return 0 if top in sys.stdlib_module_names else 2 if top == "session_lab" else 1


def lines(parts: Iterable[str], indent: int = 0) -> str:
    """Each part on its own line, indented; an empty part is an empty line."""
    return "".join(f"{' ' * indent}{part}\n" if part else "\n" for part in parts)
