"""What a reply tells of the user: "Noted: your name is Al." -> "my name is Al"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from session_lab.offline.clauses import SENTENCE_END, Clause, clauses, turn_around
from session_lab.offline.conversation import Evidence
from session_lab.offline.wording import SAY
from session_lab.offline.words import normalise

QUOTED = re.compile(r"\"[^\"]*\"")
ACKNOWLEDGED = re.compile(r"(?:noted|yes|no|you told me|my earlier replies say): ", re.IGNORECASE)
"""In front of what the user said, whatever that is."""
LONG_MESSAGE = re.compile(SAY["long"].format(r"\d+"))
SUMMARY_LINE = SAY["summary_said"].format("")
OPENING = re.compile(
    r"(?:(?:got it|ok|okay|sure|thanks|thank you|yes|no|so|right|understood|of course|hello|hi"
    r"|you (?:told me|said|mentioned)(?: earlier)?(?: that\b)?)[,:!;. \u2013\u2014-]+)+(?=your?\b)",
    re.IGNORECASE,
)
OF_THE_USER = re.compile(r"(?:my|our|I|we) \w|[\w'-]+ (?:is|are) my \w", re.IGNORECASE)
NO_FACT = re.compile(
    r"(?:I|we) (?:can|could|may|might|must|should|would|will|see|say|said|tell|told|ask|asked|sent"
    r"|wrote|mention|mentioned|seem|(?:need|have|want) to|am (?:\w+ )?(?:welcome|right|correct))\b"
    r"|(?:I|we) (?:have|had|did|do)(?: not| never| just| already)*"
    r" (?:ask|say|said|tell|told|mention|send|sent|g[ia]ve|share|provide|wr[io]t)\w*\b"
    r"|my (?:\w+ )?(?:message|question|request|prompt|conversation)s?\b"
    r"|.*\b(?:if|unless|maybe|perhaps|probably|unknown|not (?:know\w*|sure|told|mentioned))\b",
    re.IGNORECASE,
)
"""What a reply says to the user that is no statement of his: "You are welcome", "You can ..."."""


def repeated(reply: str) -> Iterator[Clause]:
    """The statements of the user that a reply repeats. Questions and quotations are none."""
    if not ACKNOWLEDGED.match(reply):
        reply = QUOTED.sub("“", reply)
    head, mark, rest = reply.partition("“")
    for line in (head + mark + rest.rpartition("”")[2]).splitlines():
        if line.startswith(SUMMARY_LINE):
            yield from _replied(line.removeprefix(SUMMARY_LINE))
            continue
        for sentence in SENTENCE_END.split(line.replace("**", "").removeprefix("- ")):
            if "“" not in sentence and not sentence.endswith("?"):
                yield from _replied(_users_own(normalise(sentence)))


def in_own_words(one: Evidence) -> str:
    """A text of the user, or what a reply repeats of it."""
    return "\n".join(clause.text for clause in repeated(one.text)) if one.replied else one.text


def _users_own(sentence: str) -> str:
    """The sentence as the user would say it; nothing if it doesn't tell of him."""
    if LONG_MESSAGE.fullmatch(sentence):
        return ""
    if acknowledged := ACKNOWLEDGED.match(sentence):
        return _turned(sentence[acknowledged.end() :])
    opening = OPENING.match(sentence)
    text = _turned(sentence[opening.end() if opening else 0 :])
    return text if OF_THE_USER.match(text) and not NO_FACT.match(text) else ""


def _turned(text: str) -> str:
    return re.sub(r"\bI were\b", "I was", turn_around(text))


def _replied(text: str) -> Iterator[Clause]:
    for clause in clauses(text):
        if not clause.asks:
            yield Clause(clause.text, asks=False, replied=True)
