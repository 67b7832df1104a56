"""What was done to a session: each click, and the SDK code that does the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from session_lab.code_view.agents import AgentName
from session_lab.code_view.program import literal
from session_lab.history.items import Item
from session_lab.history.policies import MemoryPolicy
from session_lab.history.rules import Api, diagnose

MAX_LITERAL_ITEMS = 100
"""Python reads many texts faster than many nested literals."""


class Action:
    """One click. `added` are the items that it put into the session."""

    added: Sequence[Item] = ()
    lines: Sequence[str] = ()

    def code(self, database: str | None) -> list[str]:
        """Lines that do the same to the open `session`, which lies in the file `database`."""
        return [*self.lines]

    def rebuild(self, database: str | None) -> list[str]:
        """Lines that leave in `session` what the click left there. They ask no model."""
        return self.code(database)


@dataclass(frozen=True)
class CreateSession(Action):
    session_id: str
    lines = ("# The session gets its row in the database with its first item.",)


@dataclass(frozen=True)
class FoundItems(Action):
    """What the session held when recording began, or after another program had changed it."""

    added: Sequence[Item]
    lines = ("# Another program, or an earlier run of the app, has stored what is there.",)

    def rebuild(self, database: str | None) -> list[str]:
        return ["await session.clear_session()", *add_code(self.added)]


@dataclass(frozen=True)
class RunTurn(Action):
    """One run. `text` is None for a retry; `added` is what the run stored."""

    text: str | None
    agent: AgentName
    policy: MemoryPolicy
    added: Sequence[Item] = ()
    error: str | None = None
    refused_by: Api | None = None
    """The API that would have refused what the policy sends: then the code leaves that out too."""

    def code(self, database: str | None) -> list[str]:
        config = self._config()
        if self.refused_by is not None:
            made = config.pop().removeprefix("config = ") if config else "RunConfig()"
            config.append(f'config = only_sendable({made}, "{self.refused_by}")')
        message = "[]  # the question is stored" if self.text is None else literal(self.text)
        return [
            f'agent = make_agent("{self.agent}", choose_model())',
            *config,
            f"message = {message}",
            f"result = await {self.call('message', bool(config))}",
            "print(result.final_output)",
        ]

    def rebuild(self, database: str | None) -> list[str]:
        message = "[]" if self.text is None else literal(self.text)
        told = [f"# {self.call(message, False)}  # {self.agent}, {self.policy}"]
        if self.error is not None:
            told.append(f"# It ended with an error: {literal(self.error)}")
        return ["", *told, *(add_code(self.added) if self.added else [])]

    def call(self, message: str, has_config: bool) -> str:
        """The SDK call, for the source of a message."""
        config = ", run_config=config" if has_config else ""
        return f"Runner.run(agent, {message}, session=session{config})"

    def _config(self) -> list[str]:
        n, retry = self.policy.n, ", retry=True" if self.text is None else ""
        if self.policy.kind == "Last N items" and not retry:
            return [f"config = RunConfig(session_settings=SessionSettings(limit={n}))"]
        if self.policy.kind == "Last N items":
            return [f"config = await only_last_items(session, {n}{retry})"]
        if self.policy.kind == "Last N turns":
            return [f"config = await only_last_turns(session, {n}{retry})"]
        if self.policy.kind == "Summary":
            return [
                "writer = summary_writer(choose_model())",
                f"config = older_turns_as_summary({n}, partial(write_summary, writer))",
            ]
        return []


def refused_by(policy: MemoryPolicy, items: Sequence[Item], api: Api) -> Api | None:
    """`api`, if it would refuse what the policy keeps of the items."""
    kept = items[policy.start(items) :]
    return api if any(finding.is_refused for finding in diagnose(kept, api)) else None


@dataclass(frozen=True)
class PopItem(Action):
    lines = ("item = await session.pop_item()",)


@dataclass(frozen=True)
class UndoTurn(Action):
    lines = (
        "for _ in last_turns(await session.get_items(), 1):",
        "    await session.pop_item()",
    )


@dataclass(frozen=True)
class ClearSession(Action):
    lines = ("await session.clear_session()",)


@dataclass(frozen=True)
class AddItems(Action):
    """One item that was added by hand, or all items of a file."""

    added: Sequence[Item]

    def code(self, database: str | None) -> list[str]:
        return add_code(self.added)


@dataclass(frozen=True)
class EditItem(Action):
    """`index_from_end` is 1 for the last item; `added` is the one message that stands there now."""

    index_from_end: int
    added: Sequence[Item]

    def code(self, database: str | None) -> list[str]:
        return [
            f"items = await session.get_items(limit={self.index_from_end})",
            f"if len(items) == {self.index_from_end}:",
            "    for _ in items:",
            "        await session.pop_item()",
            f"    edited = {literal(self.added[0])}",
            "    await session.add_items([edited, *items[1:]])",
        ]


@dataclass(frozen=True)
class Fork(Action):
    """From here on, the actions are those of the new session, which holds `added`."""

    source_id: str
    new_id: str
    added: Sequence[Item]

    def code(self, database: str | None) -> list[str]:
        return [
            f"items = (await session.get_items())[:{len(self.added)}]",
            "session.close()",
            open_code(self.new_id, database),
            "await session.clear_session()  # a fork begins empty",
            "await session.add_items(items)",
        ]


@dataclass(frozen=True)
class Reopen(Action):
    session_id: str

    def code(self, database: str | None) -> list[str]:
        return ["session.close()", open_code(self.session_id, database)]


def open_code(session_id: str, database: str | None) -> str:
    arguments = literal(session_id) + (f', "{database}"' if database else "")
    return f"session = SQLiteSession({arguments})"


def add_code(items: Sequence[Item]) -> list[str]:
    if len(items) > MAX_LITERAL_ITEMS:
        texts = [f"    {literal(json.dumps(item, ensure_ascii=False))}," for item in items]
        added = "[json.loads(line) for line in lines]"
        return ["lines = [", *texts, "]", f"await session.add_items({added})"]
    if len(items) == 1:
        return [f"await session.add_items([{literal(items[0])}])"]
    literals = [f"        {literal(item)}," for item in items]
    return ["await session.add_items(", "    [", *literals, "    ]", ")"]
