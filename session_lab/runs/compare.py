"""One message to two sessions at once, or to two copies of a session under two policies."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from session_lab.code_view.agents import AgentName
from session_lab.history.items import assistant_item, is_user_message, user_item
from session_lab.history.policies import MemoryPolicy
from session_lab.runs.lab import BUSY, Lab
from session_lab.runs.live_turn import LiveTurn
from session_lab.runs.progress import Progress
from session_lab.runs.turn import error_line
from session_lab.store.catalog import MAX_ID_LENGTH, CatalogError
from session_lab.store.database import Row, Version

EXAMPLES = {"user_123": "My name is Alice.", "user_456": "My name is Bob."}
"""Two sessions that tell isolation apart from chance: what each knows the other contradicts."""


def create_examples(lab: Lab) -> None:
    """Make those sessions of `EXAMPLES` that do not exist, with their fact added by hand."""
    for session_id, fact in EXAMPLES.items():
        if lab.catalog.info(session_id) is None:
            reply = assistant_item("Nice to meet you.")
            lab.import_items(session_id, session_id, [user_item(fact), reply])


@dataclass
class Side:
    """One of the two runs. `added` are the rows that it stored, known once it is done.

    A session that is not kept is removed when both replies are there.
    """

    session_id: str
    live: LiveTurn
    is_kept: bool = True
    added: list[Row] = field(default_factory=list)

    @property
    def question_row(self) -> int | None:
        """The row ID of the message in this session."""
        return next((row.id for row in self.added if is_user_message(row.item)), None)


class Comparison(Progress):
    """Two runs of the same message. They go on, and are tidied up, without a page that looks."""

    def __init__(self, lab: Lab, text: str, sides: tuple[Side, Side], before: Version) -> None:
        """`before` tells what the first session, or the copied one, was before the message."""
        super().__init__()
        self.text = text
        self.sides = sides
        self.before = before
        self.problem: str | None = None
        self._lab = lab
        threading.Thread(target=self._finish, daemon=True).start()

    def stop(self) -> None:
        """Cancel both runs and wait until both sessions are free again."""
        for side in self.sides:
            side.live.stop()
        self.wait()

    def _finish(self) -> None:
        for side in self.sides:
            side.live.wait()
        try:
            for side in self.sides:
                database = self._lab.catalog.database(side.session_id)
                report = side.live.report
                stored = set(report.stored) if report is not None else set()
                rows = database.rows(side.session_id, after=side.live.after_row)
                side.added = [row for row in rows if row.id in stored]
            _remove(self._lab, [side.session_id for side in self.sides if not side.is_kept])
        except Exception as error:
            # This thread has nobody to raise to: the page says it.
            self.problem = f"The replies are there, but then: {error_line(error)}"
        finally:
            self.end()


def compare_sessions(
    lab: Lab, session_ids: tuple[str, str], text: str, agent: AgentName, policy: MemoryPolicy
) -> Comparison:
    """Send `text` to two sessions at once.

    Raises:
        CatalogError: the two are one, one is gone, or a reply is being written in one.
    """
    if session_ids[0] == session_ids[1]:
        raise CatalogError("Choose two different sessions.")
    for session_id in session_ids:
        lab.catalog.existing(session_id)
        if lab.live(session_id) is not None:
            raise CatalogError(BUSY)
    before = lab.catalog.database(session_ids[0]).version(session_ids[0])
    sides = _send_both(lab, session_ids, (policy, policy), text, agent, keep=True)
    return Comparison(lab, text, sides, before)


def compare_policies(
    lab: Lab,
    session_id: str,
    policies: tuple[MemoryPolicy, MemoryPolicy],
    text: str,
    agent: AgentName,
    *,
    keep: bool,
) -> Comparison:
    """Send `text` to two copies of a session in memory; the session itself stays as it is.

    The copies are removed when both replies are there, unless `keep`.

    Raises:
        CatalogError: the session is gone, or a reply is being written in it.
    """
    before = lab.catalog.database(session_id).version(session_id)
    first, second = _copies(lab, session_id)
    try:
        sides = _send_both(lab, (first, second), policies, text, agent, keep=keep)
    except Exception:
        _remove(lab, [first, second])
        raise
    return Comparison(lab, text, sides, before)


def _send_both(
    lab: Lab,
    session_ids: tuple[str, str],
    policies: tuple[MemoryPolicy, MemoryPolicy],
    text: str,
    agent: AgentName,
    *,
    keep: bool,
) -> tuple[Side, Side]:
    """Send to both or to none: if the second can't begin, the first is stopped."""
    first = lab.send(session_ids[0], text, agent, policies[0])
    try:
        second = lab.send(session_ids[1], text, agent, policies[1])
    except Exception:
        first.stop()
        raise
    return (
        Side(session_ids[0], first, keep),
        Side(session_ids[1], second, keep),
    )


def _copies(lab: Lab, session_id: str) -> list[str]:
    count = lab.catalog.existing(session_id).item_count
    made: list[str] = []
    try:
        for letter in "AB":
            copy = _free_id(lab, session_id, letter)
            lab.fork(session_id, copy, count, "Memory")
            made.append(copy)
            lab.catalog.rename(copy, copy)
    except CatalogError:
        _remove(lab, made)
        raise
    return made


def _free_id(lab: Lab, session_id: str, letter: str) -> str:
    """For example `user_123 · copy A`, or `... copy A2` if there is one already."""
    base = session_id[: MAX_ID_LENGTH - 16].rstrip()
    name, number = f"{base} · copy {letter}", 1
    while lab.catalog.info(name):
        number += 1
        name = f"{base} · copy {letter}{number}"
    return name


def _remove(lab: Lab, session_ids: list[str]) -> None:
    for session_id in session_ids:
        lab.delete(session_id, lab.catalog.database(session_id).version(session_id))
