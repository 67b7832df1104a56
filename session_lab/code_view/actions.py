"""What was done to a session: the SDK code of each click, and of all as one program."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass

from session_lab.code_view.agents import AgentName
from session_lab.code_view.program import literal, program
from session_lab.history.items import Item
from session_lab.history.policies import MemoryPolicy
from session_lab.history.rules import Api, diagnose
from session_lab.store.database import Storage

DATABASE = "conversations.db"
SCRIPT_DATABASE = "session.db"
"""Both lie in the folder where the shown code is run."""
MAX_LITERAL_ITEMS = 100
"""Python reads many texts faster than many nested literals."""


_DOCSTRING = '''\
"""What was done to a session, as one program. It needs `pip install openai-agents`, and no key.

It builds the session in session.db, in the folder where it is run, and prints the session's items,
one JSON object a line. Each run stands as a comment above the items that it stored: no model is
asked.
"""

'''


IN_REPOSITORY = "# Save this in the repository's folder and run it there: it imports session_lab.\n"


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
            f"result = await {self._run('message', bool(config))}",
            "print(result.final_output)",
        ]

    def rebuild(self, database: str | None) -> list[str]:
        message = "[]" if self.text is None else literal(self.text)
        told = [f"# {self._run(message, False)}  # {self.agent}, {self.policy}"]
        if self.error is not None:
            told.append(f"# It ended with an error: {literal(self.error)}")
        return ["", *told, *(add_code(self.added) if self.added else [])]

    def _run(self, message: str, has_config: bool) -> str:
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
        f"await {run._run('message', len(lines) > 1)}",
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
