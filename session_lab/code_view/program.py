"""The text of a Python program: literals that are safe, and what its code needs above it."""

from __future__ import annotations

import ast
import inspect
import json
import math
from collections.abc import Sequence

from session_lab.history import items, policies, summaries, turns

MAX_NESTING = 90
"""CPython's compiler refuses a literal of 200 nested brackets."""

_IMPORTS: tuple[dict[str, list[str]], ...] = (
    {
        "asyncio": [],
        "inspect": [],
        "json": [],
        "collections.abc": ["Awaitable", "Callable"],
        "dataclasses": ["replace"],
        "functools": ["partial"],
        "typing": ["Any"],
    },
    {
        "agents": [
            *("Agent", "Model", "ModelBehaviorError", "RunConfig", "RunHooks", "Runner"),
            *("SessionSettings", "SQLiteSession", "set_tracing_disabled"),
        ],
        "agents.memory": ["Session"],
        "agents.run": ["CallModelData", "ModelInputData"],
        "agents.testing": ["ScriptedModel", "assistant_message"],
    },
    {
        "session_lab.code_view.agents": ["make_agent"],
        "session_lab.history.rules": ["Api", "safe_start", "sendable"],
        "session_lab.models": ["choose_model"],
    },
)
"""What a program can import, in the order in which that is written."""
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
    if _depth(value) > MAX_NESTING:
        return f"json.loads({_string(json.dumps(value))})"
    return _literal(value)


def _literal(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_literal(k)}: {_literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return _string(value) if isinstance(value, str) else repr(value)


def _string(text: str) -> str:
    """In double quotes, unless `repr` is easier to read or has to escape what cannot be shown."""
    quoted = json.dumps(text, ensure_ascii=False)
    only_double = '"' in text and "'" not in text
    return repr(text) if only_double or not quoted.isprintable() else quoted


def _depth(value: object) -> int:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, parts), default=0)


def program(body: Sequence[str], start: str = "asyncio.run(main())") -> str:
    """A whole program: imports, the functions of the lab that it uses, and `body` in `main`.

    `start` is the code below `main` that calls it.
    """
    main = "async def main():\n" + "".join(f"    {line}\n" if line else "\n" for line in body)
    parts = [f"{main}\n\n{start}\n"]
    used = _names(parts[0])
    for function in reversed(_SHOWN):
        if function.__name__ in used:
            parts.insert(0, inspect.getsource(function))
            used |= _names(parts[0])
    above = "\n".join(filter(None, (_import_lines(modules, used) for modules in _IMPORTS)))
    if constants := [f"{key} = {literal(text)}" for key, text in _CONSTANTS.items() if key in used]:
        above += "\n" + "\n".join(constants) + "\n"
    return "\n\n".join([above, *parts])


def _names(code: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}


def _import_lines(modules: dict[str, list[str]], used: set[str]) -> str:
    lines = ""
    for module, names in modules.items():
        wanted = [name for name in names if name in used]
        line = f"from {module} import {', '.join(wanted)}\n"
        if len(line) > 100:
            line = f"from {module} import (\n    " + ",\n    ".join(wanted) + ",\n)\n"
        if wanted or module in used:
            lines += line if wanted else f"import {module}\n"
    return lines
