"""Each lesson's exercise, done in the lab and checked from the rows."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from session_lab.code_view.actions import Action, ClearSession, EditItem, Fork, Reopen
from session_lab.history.items import (
    Item,
    is_assistant_message,
    is_user_message,
    one_line,
    text_of,
)
from session_lab.models.offline.evidence import is_content, words
from session_lab.store.database import Row, SessionInfo

OTHER_STATEMENTS = 2
"""What must be left when the city is forgotten: the name and the job."""
_COMMON = {"ah", "hello", "help", "item", "items", "message", "sent", "sorry"}
"""Words that a question and any answer may share by chance, beside the function words."""
_ORDER = re.compile(r"\d|\b(?:pre|re)?order|\b(?:buy|bought|purchase)", re.I)
"""What tells of an order, in many words: one of these, or a number."""


@dataclass(frozen=True)
class Exercise:
    """What to do in the lab. `steps` are Markdown; `folder` names the lesson."""

    folder: str
    kind: Literal["file", "forget", "isolation"]
    task: str
    steps: tuple[str, ...]


EXERCISES = (
    Exercise(
        "7_1_basic_sessions",
        "file",
        "Prove that the memory is in the file: make a session answer after a restart from what was"
        " said before it.",
        (
            "In **Chat**, create a session with `Storage` = `File` and say where you live.",
            "Choose `Restart` in the menu `More`, or end the app and start it again.",
            "Ask: Where do I live?",
            "Do the same with `Storage` = `Memory`: after `Restart` the session is gone.",
        ),
    ),
    Exercise(
        "7_2_memory_operations",
        "forget",
        "Make the agent forget your city without clearing the session: it must still know your name"
        " and your job.",
        (
            "In **Chat**, say your name, your city and your job, in three messages.",
            "Press `Undo turn` until the city is gone, and say again what went with it."
            " `Edit` is another way.",
            "Look at `Memory`: is the city still sent?",
        ),
    ),
    Exercise(
        "7_3_multi_sessions",
        "isolation",
        "Show from the rows, not from a reply, that `user_456` cannot see the order of `user_123`.",
        (
            "In **Chat**, create both sessions with `Storage` = `File`.",
            "Tell each its own order: My order is A-1001. My order is A-1002.",
            "Send both the same question with **Compare**, if you like.",
        ),
    ),
)


@dataclass(frozen=True)
class Finding:
    """One thing that the rows say, in a sentence for a person, as plain text."""

    holds: bool
    text: str


def passed(findings: Sequence[Finding]) -> bool:
    """Whether the exercise is done: every finding holds."""
    return bool(findings) and all(finding.holds for finding in findings)


# -- 7.1 ------------------------------------------------------------------------------------


def check_file(
    info: SessionInfo, rows: Sequence[Row], last_row_at_start: int, actions: Sequence[Action]
) -> list[Finding]:
    """Did the session answer, since the last restart, from a message stored before it?

    `rows` are the session's rows, oldest first; those up to the ID `last_row_at_start` are older
    than this process, or than the last restart. A word proves it that stands in the reply and in a
    message from before, but in nothing that was said since.

    `actions` are what the lab did to the session. An item that was edited since the restart proves
    nothing: its row is old, and its text is not.
    """
    if info.storage == "Memory":
        return [Finding(False, "This session is in memory: a restart ends it. Choose a File one.")]
    in_file = Finding(True, "The session is in the file.")
    edited = _edited_since_restart(actions)
    before = [row for row in rows if row.id <= last_row_at_start and is_user_message(row.item)]
    since = [row for row in rows if row.id > last_row_at_start]
    if not rows:
        return [in_file, Finding(False, "Nothing is stored yet. Say where you live.")]
    if not before:
        return [in_file, Finding(False, "No message is older than the last restart. Restart now.")]
    untouched = [row for row in before if row.item not in edited]
    if not untouched:
        text = f"{_name(before[-1])} was edited since the last restart. Restart again."
        return [in_file, Finding(False, text)]
    survived = Finding(True, f"{_name(untouched[-1])} was stored before the last restart.")
    if not any(is_assistant_message(row.item) for row in since):
        text = "No reply was stored since the restart. Ask for what you said before it."
        return [in_file, survived, Finding(False, text)]
    said_since: set[str] = set()
    for row in since:
        if not is_assistant_message(row.item) or row.item in edited:
            said_since |= _words(row)
            continue
        for old in reversed(untouched):
            if found := sorted((_words(row) & _words(old)) - said_since):
                older = Finding(True, f"{_name(old)} is older than the last restart.")
                text = f"{_name(row)} holds “{found[0]}”, which was said in row {old.id} and not"
                return [in_file, older, Finding(True, f"{text} since.")]
    text = "No reply since the restart holds a word that only the messages before it hold."
    if edited:
        text += " What was edited since does not count."
    return [in_file, survived, Finding(False, f"{text} Ask: Where do I live?")]


def _edited_since_restart(actions: Sequence[Action]) -> list[Item]:
    """The items that the lab wrote over others since the last restart."""
    edited: list[Item] = []
    for action in actions:
        if isinstance(action, Reopen):
            edited.clear()
        elif isinstance(action, EditItem):
            edited += action.added
    return edited


# -- 7.2 ------------------------------------------------------------------------------------


def check_forgotten(rows: Sequence[Row], actions: Sequence[Action], city: str) -> list[Finding]:
    """Did the session hold the city, was it not cleared, and does no row name the city now?

    `actions` are what the lab did to the session: only they tell what was in rows that are gone.
    """
    if not city.strip():
        return [Finding(False, "Type the city that it should forget.")]
    held = was_cleared = False
    for action in actions:
        if isinstance(action, Fork):  # From here on it is another session.
            held = was_cleared = False
        if any(_names(item, city) for item in action.added):
            held, was_cleared = True, False
        elif isinstance(action, ClearSession):
            was_cleared = held
    if not held:
        text = f"Since the app started, no item of this session has named {city}. Say it in Chat."
        return [Finding(False, text)]
    findings = [Finding(True, f"The session held an item that named {city}.")]
    if was_cleared:
        findings.append(Finding(False, f"It was cleared after {city} was said. Begin again."))
    naming = [row for row in rows if _names(row.data if row.item is None else row.item, city)]
    text = f"None of its {_count(rows)} names {city}."
    if naming:
        listed = ", ".join(str(row.id) for row in naming[:10])
        text = f"{_count(naming)} still name {city}: {listed}. The latest: {_name(naming[-1])}."
    findings.append(Finding(not naming, text))
    others = [row for row in rows if _is_statement(row) and row not in naming]
    left = ", ".join(_name(row) for row in others[-3:])
    if len(others) >= OTHER_STATEMENTS:
        return [*findings, Finding(True, f"What else you said is still stored: {left}.")]
    text = f"It must still know your name and your job. Left of what you said: {left or 'nothing'}."
    return [*findings, Finding(False, text)]


# -- 7.3 ------------------------------------------------------------------------------------


def check_isolation(
    first: SessionInfo, first_rows: Sequence[Row], second: SessionInfo, second_rows: Sequence[Row]
) -> list[Finding]:
    """Was each of two file sessions told an order, with words that no row of the other holds?"""
    if first.session_id == second.session_id:
        return [Finding(False, "This is one session. Choose two: the ID is what keeps them apart.")]
    for info in (first, second):
        if info.storage == "Memory":
            text = f"{info.session_id} is in memory, a database of its own. Choose a File one."
            return [Finding(False, text)]
    shared = {row.id for row in first_rows} & {row.id for row in second_rows}
    text = f"{_count(first_rows)} and {_count(second_rows)} in one file; {len(shared)} are in both."
    return [
        Finding(not shared, text),
        *_own_orders(first, first_rows, second, second_rows),
        *_own_orders(second, second_rows, first, first_rows),
    ]


def _own_orders(
    info: SessionInfo, rows: Sequence[Row], other: SessionInfo, other_rows: Sequence[Row]
) -> list[Finding]:
    statements = [row for row in rows if _is_statement(row)]
    if not statements:
        return [Finding(False, f"{info.session_id} was told nothing yet. Tell it its order.")]
    orders = [row for row in statements if _ORDER.search(text_of(row.item))]
    if not orders:
        text = f"{info.session_id} was told no order: no message of it has that word or a number."
        return [Finding(False, f"{text} Say, for example: My order is A-1001.")]
    # What both were sent, with Compare for example, is no fact of one of them.
    theirs = {text_of(row.item) for row in other_rows if is_user_message(row.item)}
    own_orders = [row for row in orders if text_of(row.item) not in theirs]
    if not own_orders:
        text = f"{_name(orders[-1])} of {info.session_id} was said to {other.session_id} too."
        return [Finding(False, f"{text} Tell each its own order.")]
    elsewhere = set().union(*map(_words, other_rows))
    findings = []
    for row in own_orders[-3:]:
        if own := _words(row) - elsewhere:
            numbers = [word for word in own if re.search(r"\d", word)]  # They name an order best.
            text = f"no row of {other.session_id} holds “{min(numbers or own)}”."
            findings.append(Finding(True, f"{_name(row)} of {info.session_id}: {text}"))
        elif len(_words(row)) > 1:
            text = f"every word of it stands in {other.session_id} too."
            findings.append(Finding(False, f"{_name(row)} of {info.session_id}: {text}"))
    text = f"{info.session_id} has no order of its own yet. Tell it its order."
    return findings or [Finding(False, text)]


# -- reading rows ---------------------------------------------------------------------------


def _words(row: Row) -> set[str]:
    """The words of a row that mean something by themselves."""
    return {word.casefold() for word in words(text_of(row.item)) if is_content(word)} - _COMMON


def _is_statement(row: Row) -> bool:
    return is_user_message(row.item) and not text_of(row.item).rstrip().endswith("?")


def _names(item: object, name: str) -> bool:
    """Whether the whole item, not only its text, holds the name as a word."""
    edge = r"\b" if name.strip().isascii() else ""
    text = json.dumps(item, ensure_ascii=False)
    return bool(re.search(edge + re.escape(name.strip()) + edge, text, re.IGNORECASE))


def _name(row: Row) -> str:
    return f"Row {row.id} (“{one_line(row.item, 60)}”)"


def _count(rows: Sequence[Row]) -> str:
    return f"{len(rows)} row" + ("" if len(rows) == 1 else "s")
