"""The text of a Python program: literals that are safe, and what its code needs above it."""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Sequence

from session_lab.history import items, policies, summaries, turns

MAX_NESTING = 90
"""CPython's compiler refuses a literal of 200 nested brackets."""

_FROM = {
    "agents": [
        "Agent",
        "Model",
        "ModelBehaviorError",
        "RunConfig",
        "RunHooks",
        "Runner",
        "SessionSettings",
        "SQLiteSession",
    ],
    "agents.memory": ["Session"],
    "agents.run": ["CallModelData", "ModelInputData"],
    "collections.abc": ["Awaitable", "Callable"],
    "dataclasses": ["replace"],
    "functools": ["partial"],
    "session_lab.code_view.agents": ["make_agent"],
    "session_lab.history.rules": ["Api", "safe_start", "sendable"],
    "session_lab.models": ["choose_model"],
    "typing": ["Any"],
}
_MODULES = ["asyncio", "inspect", "json"]
_SHOWN = (
    items.is_user_message,
    items.summary_items,
    turns.last_turns,
    policies.start_of_turns,
    policies.newest_turns,
    policies.only_last_items,
    policies.only_last_turns,
    policies.older_turns_as_summary,
    policies.only_sendable,
    summaries.summary_writer,
    summaries.write_summary,
)
"""What the lab runs and a program can use: its source is copied, each after what it calls."""
_CONSTANTS = {"SUMMARY_REQUEST": items.SUMMARY_REQUEST, "INSTRUCTIONS": summaries.INSTRUCTIONS}


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


def program(body: Sequence[str]) -> str:
    """A whole program: imports, the functions of the lab that it uses, and `body` in `main`."""
    main = "async def main():\n" + "".join(f"    {line}\n" if line else "\n" for line in body)
    parts = [main + "\n\nasyncio.run(main())\n"]
    used = _names(parts[0])
    for function in reversed(_SHOWN):
        if function.__name__ in used:
            parts.insert(0, inspect.getsource(function))
            used |= _names(parts[0])
    imports: dict[str, list[str]] = {name: [] for name in _MODULES if name in used}
    for module, names in _FROM.items():
        if wanted := [name for name in names if name in used]:
            imports[module] = wanted
    above = _import_lines(imports)
    if constants := [f"{key} = {literal(text)}" for key, text in _CONSTANTS.items() if key in used]:
        above += "\n" + "\n".join(constants) + "\n"
    return "\n\n".join([above, *parts])


def _names(code: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}


def _import_lines(imports: dict[str, list[str]]) -> str:
    blocks: list[list[str]] = [[], [], []]
    for module in sorted(imports, key=lambda name: (bool(imports[name]), name)):
        names = sorted(imports[module], key=lambda name: (name[0].islower(), name.lower()))
        line = f"from {module} import {', '.join(names)}" if names else f"import {module}"
        if len(line) > 100:
            line = f"from {module} import (\n    " + ",\n    ".join(names) + ",\n)"
        blocks[_block(module)].append(line)
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _block(module: str) -> int:
    top = module.partition(".")[0]
    return 0 if top in sys.stdlib_module_names else 2 if top == "session_lab" else 1
