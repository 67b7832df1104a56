"""What the user stated, message by message, with corrections applied."""

from __future__ import annotations

import re

from session_lab.offline.clauses import CORRECTION, Clause, clauses, shape
from session_lab.offline.manners import small_talk
from session_lab.offline.people import name_the_subject

VALUE = re.compile(r" (?:is|are|am|called|named|in|at|to|on|as|like|love|prefer) ")


def statements(messages: list[str]) -> list[list[Clause]]:
    """The statements of each message, complete: "No, it's Ann" becomes what it corrects."""
    result: list[list[Clause]] = []
    recent: list[Clause] = []
    for message in messages:
        found: list[Clause] = []
        for clause in clauses(message):
            if not clause.asks and not small_talk(clause.text):
                found.append(_complete(clause, recent))
                recent = [*recent[-20:], found[-1]]
        result.append(found)
    return result


def _complete(clause: Clause, recent: list[Clause]) -> Clause:
    corrected = _corrected(clause, recent) if clause.corrects else None
    text = name_the_subject(clause.text, [one.text for one in recent[-2:]])
    return corrected or (clause if text == clause.text else Clause(text, asks=False))


def _corrected(clause: Clause, recent: list[Clause]) -> Clause | None:
    """The newest statement that the correction fits, with its value exchanged."""
    value = CORRECTION.sub("", clause.text, count=1)
    for fact in reversed(recent):
        for marker in reversed(list(VALUE.finditer(fact.text))):
            old = fact.text[marker.end() :]
            preposition = marker.group().strip()
            if shape(old) == shape(value.removeprefix(f"{preposition} ")):
                new = value.removeprefix(f"{preposition} ")
                return Clause(fact.text[: marker.end()] + new, asks=False)
    return None
