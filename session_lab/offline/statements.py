"""What the user stated, with corrections applied, and what replies repeat of it."""

from __future__ import annotations

import re

from session_lab.offline.clauses import CORRECTION, Clause, clauses, shape, turn_around
from session_lab.offline.conversation import Evidence
from session_lab.offline.manners import small_talk
from session_lab.offline.people import name_the_subject
from session_lab.offline.repeated import repeated

VALUE = re.compile(r" (?:is|are|am|called|named|in|at|to|on|as|like|love|prefer) ")


JOINT = re.compile(r", and |, | and ")


def facts(evidence: list[Evidence]) -> list[Clause]:
    """All statements. What a reply repeats is left out where the user's own words are there."""
    known = [fact for group in statements(evidence) for fact in group]
    if not any(fact.replied for fact in known):
        return known
    own = {_key(fact) for fact in known if not fact.replied}
    last = {_key(fact): fact for fact in known}
    return [
        fact
        for fact in known
        if not fact.replied or (last[_key(fact)] is fact and not _is_repeated(fact, own))
    ]


def _key(fact: Clause) -> str:
    return turn_around(fact.text).lower()


def _is_repeated(fact: Clause, own: set[str]) -> bool:
    return _key(fact) in own or all(part in own for part in JOINT.split(_key(fact)))


def statements(evidence: list[Evidence]) -> list[list[Clause]]:
    """The statements of each text, complete: "No, it's Ann" becomes what it corrects."""
    result: list[list[Clause]] = []
    recent: list[Clause] = []
    for one in evidence:
        found: list[Clause] = []
        for clause in repeated(one.text) if one.replied else clauses(one.text):
            if not clause.asks and not small_talk(clause.text):
                found.append(clause if one.replied else _complete(clause, recent))
                text = found[-1].text.lower()
                recent = [*(each for each in recent[-20:] if each.text.lower() != text), found[-1]]
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
