"""What this process knows of a session beyond its rows: what was done to it, and the outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from session_lab.code_view.actions import Action, RunTurn, refused_by
from session_lab.code_view.agents import AgentName
from session_lab.history.items import Item, is_user_message
from session_lab.history.report import TurnReport
from session_lab.history.rules import Api
from session_lab.runs.outlook import Outlook
from session_lab.runs.progress import LoopProgress
from session_lab.store.database import Row, Version


class LiveTurn(LoopProgress):
    """A run in progress: the reply as far as it is written, and in the end the report."""

    def __init__(self, session_id: str, text: str | None, agent: AgentName) -> None:
        super().__init__()
        self.session_id = session_id
        self.after_row = 0
        """The session's last row before the run."""
        self.text = text
        self.agent = agent
        self.reply = ""
        self.tools: list[Item] = []
        self.report: TurnReport | None = None
        self.added: list[Row] = []
        """The rows that it stored, known once it is done."""

    @property
    def question_row(self) -> int | None:
        """The row ID of the message."""
        return next((row.id for row in self.added if is_user_message(row.item)), None)

    def take(self, event: str | Item) -> None:
        """Note what the run yields."""
        if isinstance(event, str):
            self.reply += event
        else:
            self.tools.append(event)
            self.reply = ""


@dataclass(frozen=True)
class Change:
    """What the last action did to a session's rows."""

    added: frozenset[int] = frozenset()
    removed: tuple[Row, ...] = ()
    edited: frozenset[int] = frozenset()


def change_between(before: Sequence[Row], after: Sequence[Row]) -> Change:
    known = {row.id: row.data for row in before}
    left = {row.id: row.data for row in after}
    return Change(
        added=frozenset(left.keys() - known.keys()),
        removed=tuple(row for row in before if row.id not in left),
        edited=frozenset(key for key in left.keys() & known.keys() if left[key] != known[key]),
    )


@dataclass
class SessionLog:
    """The actions on one session, oldest first, and the outcome of the last one."""

    actions: list[Action] = field(default_factory=list)
    report: TurnReport | None = None
    change: Change = field(default_factory=Change)
    live: LiveTurn | None = None
    version: Version = field(default_factory=lambda: Version(0, 0))
    """What the session was after the last action. Anything else is another program's doing."""
    outlook: tuple[object, Outlook] | None = None
    """What the next message would find, and the state in which it would."""

    def note_run(self, live: LiveTurn, report: TurnReport, added: list[Row], api: Api) -> None:
        """Note a run that is over, and in its report which rows it sent and stored."""
        report.stored = [row.id for row in added]
        items = [cast(Item, row.item) for row in added]
        own = dict(zip(report.stored, items, strict=True))
        for call in report.calls:
            call.note_rows(report.policy, report.before, api, live.text is None, own)
        by = refused_by(report.policy, list(report.before.values()), api)
        run = RunTurn(live.text, live.agent, report.policy, items, report.error, by)
        # What this run alone would have left: anything else is found when it is looked for.
        last_row = report.stored[-1] if added else live.after_row
        version = Version(report.count_before + len(added), last_row)
        self.note_change(run, Change(added=frozenset(report.stored)), version)
        live.added = added
        self.report = live.report = report

    def note_change(self, action: Action, change: Change, version: Version) -> None:
        self.actions.append(action)
        self.change, self.version, self.report = change, version, None

    @property
    def unstored_words(self) -> str:
        """What was read of the last reply, if the run ended before the reply was stored."""
        report = self.report
        has_failed = self.live and report and report.error and self.live.report is report
        return self.live.reply if self.live and has_failed else ""
