"""What was done to a session, click by click, and the SDK code that does the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from session_lab.code_view.agents import AgentName
from session_lab.code_view.policy_code import policy_code
from session_lab.code_view.program import lines, literal, program
from session_lab.history.items import Item
from session_lab.history.policies import MemoryPolicy

DATABASE = "conversations.db"
MAX_LITERAL_ITEMS = 100
"""Python reads many texts faster than many nested literals."""

Storage = Literal["File", "Memory"]


@dataclass(frozen=True)
class CreateSession:
    session_id: str
    storage: Storage


@dataclass(frozen=True)
class Baseline:
    """What the session held when recording began, or after another program had changed it."""

    items: Sequence[Item]


@dataclass(frozen=True)
class RunTurn:
    """One run. `text` is None for a retry; `stored` is what the run added to the session."""

    text: str | None
    agent: AgentName
    policy: MemoryPolicy
    stored: Sequence[Item]
    error: str | None = None


@dataclass(frozen=True)
class PopItem:
    pass


@dataclass(frozen=True)
class UndoTurn:
    """`removed` is the number of items that the turn had."""

    removed: int


@dataclass(frozen=True)
class ClearSession:
    pass


@dataclass(frozen=True)
class AddItem:
    item: Item


@dataclass(frozen=True)
class EditItem:
    """`index_from_end` is 1 for the last item."""

    index_from_end: int
    text: str


@dataclass(frozen=True)
class Fork:
    """From here on, the actions are those of the new session."""

    source_id: str
    new_id: str
    item_count: int


@dataclass(frozen=True)
class ImportItems:
    items: Sequence[Item]


@dataclass(frozen=True)
class Reopen:
    pass


Action = (
    CreateSession
    | Baseline
    | RunTurn
    | PopItem
    | UndoTurn
    | ClearSession
    | AddItem
    | EditItem
    | Fork
    | ImportItems
    | Reopen
)

WITH_TEXT = '''\
def with_text(item, text):
    """The same message with another text."""
    if not isinstance(item["content"], list):
        return {**item, "content": text}
    part = {"type": "input_text", "text": text}
    if item["role"] == "assistant":
        part = {"type": "output_text", "text": text, "annotations": []}
    return {**item, "content": [part]}


'''


def snippet(action: Action, session_id: str, storage: Storage = "File") -> str:
    """A whole program that does what one click did, to the session in `conversations.db`."""
    definitions = ""
    if isinstance(action, EditItem):
        definitions = WITH_TEXT
    if isinstance(action, RunTurn):
        definitions = policy_code(action.policy, "choose_model()", retry=action.text is None)[0]
    if isinstance(action, CreateSession):
        session_id, storage = action.session_id, action.storage
    if isinstance(action, Fork):
        session_id = action.source_id
    body = [open_code(session_id, storage), *_snippet_body(action, session_id, storage)]
    main = definitions + "async def main():\n" + lines(body, 4)
    where = "# Save this in the repository's folder and run it there: it imports session_lab.\n"
    code = program(main + "\n\nasyncio.run(main())\n")
    return where + code if isinstance(action, RunTurn) else code


def open_code(session_id: str, storage: Storage, database: str = DATABASE) -> str:
    arguments = literal(session_id) + (f', "{database}"' if storage == "File" else "")
    return f"session = SQLiteSession({arguments})"


def _snippet_body(action: Action, session_id: str, storage: Storage) -> list[str]:
    show_items = "print(await session.get_items())"
    if isinstance(action, CreateSession):
        return ["# The session gets its row in the database with its first item.", show_items]
    if isinstance(action, Baseline):
        return [show_items]
    if isinstance(action, RunTurn):
        return _run_body(action)
    if isinstance(action, PopItem):
        return ["item = await session.pop_item()", "print(item)"]
    if isinstance(action, UndoTurn):
        return _undo_body()
    if isinstance(action, EditItem):
        read, *change = action_body(action, storage, DATABASE)
        missing = [f"if len(items) < {action.index_from_end}:", '    return print("No such item")']
        return [read, *missing, *change, show_items]
    if isinstance(action, Reopen):
        return ["session.close()", open_code(session_id, storage), show_items]
    return [*action_body(action, storage, DATABASE), show_items]


def action_body(
    action: ClearSession | AddItem | EditItem | Fork | ImportItems, storage: Storage, database: str
) -> list[str]:
    """The lines that a snippet and a script have in common."""
    if isinstance(action, ClearSession):
        return ["await session.clear_session()"]
    if isinstance(action, AddItem):
        return [f"await session.add_items([{literal(action.item)}])"]
    if isinstance(action, ImportItems):
        return add_code(action.items)
    if isinstance(action, EditItem):
        return [
            f"items = await session.get_items(limit={action.index_from_end})",
            "for _ in items:",
            "    await session.pop_item()",
            f"edited = with_text(items[0], {literal(action.text)})",
            "await session.add_items([edited, *items[1:]])",
        ]
    return [
        f"items = (await session.get_items())[:{action.item_count}]",
        open_code(action.new_id, storage, database),
        "await session.add_items(items)",
    ]


def add_code(items: Sequence[Item]) -> list[str]:
    if len(items) > MAX_LITERAL_ITEMS:
        texts = [f"    {literal(json.dumps(item, ensure_ascii=False))}," for item in items]
        added = "[json.loads(line) for line in lines]"
        return ["lines = [", *texts, "]", f"await session.add_items({added})"]
    literals = [f"        {literal(item)}," for item in items]
    return ["await session.add_items(", "    [", *literals, "    ]", ")"]


def _run_body(action: RunTurn) -> list[str]:
    config = policy_code(action.policy, "choose_model()", retry=action.text is None)[1]
    run = "Runner.run(agent, message, session=session" + (", run_config=config)" if config else ")")
    return [
        f'agent = make_agent("{action.agent}", choose_model())',
        *([f"config = {config}"] if config else []),
        f"message = {literal(action.text)}"
        if action.text is not None
        else "message = []  # the question is stored: nothing is added to it",
        f"result = await {run}",
        "print(result.final_output)",
    ]


def _undo_body() -> list[str]:
    return [
        "items = await session.get_items()",
        'starts = [i for i, item in enumerate(items) if i == 0 or item.get("role") == "user"]',
        "for _ in items[max(starts, default=0) :]:",
        "    print(await session.pop_item())",
    ]
