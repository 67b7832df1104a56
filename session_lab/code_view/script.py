"""Everything that was done to a session, as one program that builds the session again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from openai.types.responses import ResponseOutputItem
from pydantic import TypeAdapter, ValidationError

from session_lab.code_view import agents as lab_agents
from session_lab.code_view.actions import (
    WITH_TEXT,
    Action,
    Baseline,
    CreateSession,
    EditItem,
    Fork,
    PopItem,
    Reopen,
    RunTurn,
    UndoTurn,
    action_body,
    add_code,
    open_code,
)
from session_lab.code_view.policy_code import policy_code
from session_lab.code_view.program import lines, literal, program
from session_lab.history.items import Item, field, is_user_message, kind

DATABASE = "session.db"
"""The script's file, in the folder where it is run."""

_DOCSTRING = '''\
"""What was done to a session, as one program. It needs `pip install openai-agents`, and no key.

It builds the session in session.db, in the folder where it is run, and prints the session's items,
one JSON object a line. The recorded replies are replayed, so no model is asked.
"""

'''

_REPLAY = '''\
# "gpt-5-mini", for example, to have a live model answer instead of replaying what was recorded.
LIVE_MODEL = None
if LIVE_MODEL is None:
    set_tracing_disabled(True)
OUTPUT_ITEM = TypeAdapter(ResponseOutputItem)


class RunFailed(Exception):
    """Stands for the error that ended a recorded run."""


async def run(session, agent_name, message, replies, config=None):
    """One run, with one reply for each request to the model: its output items, or an error."""
    steps = [
        RunFailed(reply) if isinstance(reply, str) else [*map(OUTPUT_ITEM.validate_python, reply)]
        for reply in replies
    ]
    agent = make_agent(agent_name, LIVE_MODEL or ScriptedModel(steps))
    if LIVE_MODEL is None:
        config = None  # A replay stores the same whatever part of the history is sent.
    try:
        await Runner.run(agent, message, session=session, run_config=config)
    except (RunFailed, MaxTurnsExceeded) as error:
        print(f"This run failed when it was recorded: {error}", file=sys.stderr)


'''


def script(actions: Sequence[Action]) -> str:
    """A program that needs only `openai-agents` and rebuilds the session in `session.db`.

    Its runs are real runs of the SDK. The recorded items are the model's replies, and the tools are
    called again: those of `lab_agents` give the same output every time.

    Raises:
        ValueError: the first action is not `CreateSession`.
    """
    if not actions or not isinstance(actions[0], CreateSession):
        raise ValueError("A script begins with the creation of its session.")
    session_id = actions[0].session_id
    body: list[str] = []
    for action in actions:
        session_id = action.new_id if isinstance(action, Fork) else session_id
        body += _body(action, session_id)
    body += ["for item in await session.get_items():", "    print(json.dumps(item))"]
    body += ["session.close()"]
    main = "async def main():\n" + lines(body, 4)
    runs = [action for action in actions if isinstance(action, RunTurn)]
    text = _definitions(actions, runs) + main + "\n\nasyncio.run(main())\n"
    source = Path(lab_agents.__file__) if runs else None
    return program(text, source, _DOCSTRING)


def _definitions(actions: Sequence[Action], runs: Sequence[RunTurn]) -> str:
    code = [_REPLAY] if runs else []
    if any(isinstance(action, EditItem) for action in actions):
        code.append(WITH_TEXT)
    code += [_policy_code(run)[0] for run in runs]
    return "".join(dict.fromkeys(code))


def _policy_code(run: RunTurn) -> tuple[str, str]:
    return policy_code(run.policy, "LIVE_MODEL", retry=run.text is None)


def _body(action: Action, session_id: str) -> list[str]:
    opened = open_code(session_id, "File", DATABASE)
    if isinstance(action, CreateSession):
        return [opened, "await session.clear_session()  # what an earlier run of this script left"]
    if isinstance(action, Baseline):
        return ["await session.clear_session()", *add_code(action.items)]
    if isinstance(action, RunTurn):
        return _run_body(action)
    if isinstance(action, PopItem):
        return ["await session.pop_item()"]
    if isinstance(action, UndoTurn):
        return [f"for _ in range({action.removed}):", "    await session.pop_item()"]
    if isinstance(action, Reopen):
        return ["session.close()", opened]
    if isinstance(action, Fork):
        items, open_new, add = action_body(action, "File", DATABASE)
        return [items, "session.close()", open_new, "await session.clear_session()", add]
    return action_body(action, "File", DATABASE)


def _run_body(run: RunTurn) -> list[str]:
    replies = _replies(run)
    if replies is None:
        if not run.stored:
            return ["# A run failed here before it stored anything."]
        ended = "# This run ended before the tools were done, so its items are added as they were."
        return [ended, *add_code(run.stored)]
    message = "[]" if run.text is None else literal(run.text)
    config = _policy_code(run)[1]
    return [
        "await run(",
        "    session,",
        f'    "{run.agent}",',
        f"    {message},",
        "    [",
        *(f"        {literal(reply)}," for reply in replies),
        "    ],",
        *([f"    {config},"] if config else []),
        ")",
    ]


def _replies(run: RunTurn) -> list[Any] | None:
    """What the model answered, request by request; None if a run can't store these items."""
    stored = list(run.stored)
    if run.text is not None:
        if not stored or not is_user_message(stored[0]) or field(stored[0], "content") != run.text:
            return None
        stored = stored[1:]
    replies: list[Any] = []
    while stored:
        count = next((i for i, item in enumerate(stored) if _is_output(item)), len(stored))
        calls = [item for item in stored[:count] if field(item, "type") == "function_call"]
        outputs = stored[count : count + len(calls)]
        if not _is_step(run, stored[:count], calls, outputs):
            return None
        replies.append(stored[:count])
        stored = stored[count + len(calls) :]
        if not calls:
            return replies if not stored else None
    # After a tool's output the model is asked again: it failed, or it answered with nothing.
    return [*replies, run.error or []]


def _is_output(item: Item) -> bool:
    return kind(item) == "tool output"


def _is_step(
    run: RunTurn, replied: Sequence[Item], calls: Sequence[Item], outputs: Sequence[Item]
) -> bool:
    tools = {tool.name for tool in lab_agents.TOOLS[run.agent]}
    called, answered = ([field(item, "call_id") for item in items] for items in (calls, outputs))
    return (
        bool(replied)
        and called == answered
        and all(field(item, "name") in tools for item in calls)
        and all(_is_output(item) for item in outputs)
        and all(_survives(item) for item in replied)
    )


@cache
def _output_item() -> TypeAdapter[ResponseOutputItem]:
    return TypeAdapter(ResponseOutputItem)


def _survives(item: Item) -> bool:
    """Whether the SDK would store this output item as it is recorded."""
    try:
        model = _output_item().validate_python(item)
    except ValidationError:
        return False
    return bool(model.model_dump(exclude_unset=True) == item)
