"""Whole programs: what one click did, what was done to a session, and a test of what it sends."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Sequence

from session_lab.code_view.actions import (
    Action,
    CreateSession,
    Fork,
    RunTurn,
    add_code,
    open_code,
    refused_by,
)
from session_lab.code_view.agents import AgentName
from session_lab.code_view.program import literal, program
from session_lab.history.items import Item
from session_lab.history.policies import MemoryPolicy
from session_lab.history.rules import Api
from session_lab.store.database import Storage

DATABASE = "conversations.db"
SCRIPT_DATABASE = "session.db"
"""Both lie in the folder where the shown code is run."""
IN_REPOSITORY = "# Save this in the repository's folder and run it there: it imports session_lab.\n"
_DOCSTRING = '''\
"""What was done to a session, as one program. It needs `pip install openai-agents`, and no key.

It builds the session in session.db, in the folder where it is run, and prints the session's items,
one JSON object a line. Each run stands as a comment above the items that it stored: no model is
asked.
"""

'''


def snippet(action: Action, session_id: str, storage: Storage = "File") -> str:
    """A whole program that does what one click did, to the session in `conversations.db`."""
    database = DATABASE if storage == "File" else None
    begins_with = action.source_id if isinstance(action, Fork) else session_id
    body = [open_code(begins_with, database), *action.code(database)]
    if isinstance(action, RunTurn):
        return IN_REPOSITORY + program(body)
    return program([*body, "print(await session.get_items())"])


def script(actions: Sequence[Action]) -> str:
    """A program that needs only `openai-agents` and rebuilds the session in `session.db`.

    Raises:
        ValueError: the first action is not `CreateSession`.
    """
    if not actions or not isinstance(actions[0], CreateSession):
        raise ValueError("A script begins with the creation of its session.")
    body = [
        open_code(actions[0].session_id, SCRIPT_DATABASE),
        "await session.clear_session()  # what an earlier run of this script left",
        *(line for action in actions[1:] for line in action.rebuild(SCRIPT_DATABASE)),
        "for item in await session.get_items():",
        "    print(json.dumps(item))",
        "session.close()",
    ]
    return _DOCSTRING + program(body)


def saved_test(
    session_id: str,
    items: Sequence[Item],
    agent: AgentName,
    policy: MemoryPolicy,
    api: Api,
    sent: Sequence[Item],
) -> str:
    """A test for pytest: the `items` outlast a restart, and the next message sends `sent`.

    A summary, which a model has to write, is not looked at.
    """
    run = RunTurn("One more message.", agent, policy, refused_by=refused_by(policy, items, api))
    made, *lines, _, _ = run.code(DATABASE)
    body = [
        "set_tracing_disabled(True)",
        open_code(session_id, DATABASE),
        *(add_code(items) if items else []),
        "stored = await session.get_items()",
        "session.close()",
        "",
        f"{open_code(session_id, DATABASE)}  # as after a restart",
        "assert await session.get_items() == stored",
        'model = ScriptedModel([[assistant_message("Noted.")]] * 2)',
        made.replace("choose_model()", "model"),
        *(line.replace("choose_model()", "model") for line in lines),
        f"await {run.call('message', len(lines) > 1)}",
        "session.close()",
        "*history, question = model.calls[-1].input",
        *_expected_code(sent, items),
        "assert history == expected"
        if policy.kind != "Summary"
        else "assert history[len(history) - len(expected) :] == expected  # after the summary",
        'assert question["content"] == message',
    ]
    start = """def test_what_the_next_message_sends(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asyncio.run(main())"""
    return IN_REPOSITORY.replace("it there:", "it there with pytest:") + program(body, start)


def _expected_code(sent: Sequence[Item], items: Sequence[Item]) -> list[str]:
    """Lines that tell `sent` by its places in `stored`. An item that is sent changed is written."""
    places: dict[str, deque[int]] = defaultdict(deque)
    for place, item in enumerate(items):
        places[json.dumps(item, sort_keys=True)].append(place)
    parts: list[str | tuple[int, int]] = []  # An item, or where a run of stored items lies.
    end = 0
    for item in sent:
        known = places[json.dumps(item, sort_keys=True)]
        while known and known[0] < end:
            known.popleft()
        at = known.popleft() if known else None
        if at is None:
            parts.append(literal(item))
            continue
        last = parts[-1] if parts else None
        if isinstance(last, tuple) and at == end:
            parts[-1] = last[0], at + 1
        else:
            parts.append((at, at + 1))
        end = at + 1
    code = [each if isinstance(each, str) else f"*{_stored(*each, len(items))}" for each in parts]
    if len(parts) == 1 and isinstance(parts[0], tuple):
        return [f"expected = {code[0][1:]}"]
    return ["expected = [", *(f"    {each}," for each in code), "]"] if code else ["expected = []"]


def _stored(begin: int, end: int, count: int) -> str:
    """The items from `begin` to `end` of the `count` that are stored."""
    if end < count:
        return f"stored[{begin or ''}:{end}]"
    return f"stored[{begin - end}:]" if begin else "stored"
