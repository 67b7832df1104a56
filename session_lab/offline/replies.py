"""From a conversation to the text of the reply."""

from __future__ import annotations

import re

from session_lab.offline.clauses import FIRST_PERSON, TOPIC, YES_OR_NO, Clause, clauses, turn_around
from session_lab.offline.conversation import Conversation, Evidence
from session_lab.offline.manners import quick_answer, small_talk
from session_lab.offline.memory import (
    DOUBT,
    NEGATION,
    about,
    latest,
    recall,
    wanted,
)
from session_lab.offline.people import name_the_person
from session_lab.offline.repeated import in_own_words
from session_lab.offline.statements import facts, statements
from session_lab.offline.transcript import SUMMARIZE, about_the_talk, summary
from session_lab.offline.wording import QUOTE_LENGTH, SAY, as_sentence, quoted
from session_lab.offline.words import normalise
from session_lab.offline.world import world_answer

EVERYTHING = re.compile(
    r".*\b(?:know|remember|told you|tell you|learned|heard|said)\b.* (?:about|of) (?:me|myself)"
    r"|(?:tell me|talk) about (?:me|myself)|what (?:do|can) you (?:know|remember)"
    r"|(?:what|which facts|everything) (?:have|did) i (?:told|tell|say|said)(?: (?:to )?you)?"
    r"(?: so far)?|what did i (?:ask|tell) you to remember|list (?:everything|all|what)\b.*"
    r"|do you (?:know|remember) me",
    re.IGNORECASE,
)
ASKS_THE_MODEL = re.compile(
    r"(?!.*\b(?:i|my|me|mine|we|our|know|remember|recall|tell|told|said|say|mean)\b).*\byou(?:rs?)?\b"
    r"|(?:do|are|can|will|would|could) you (?!know|remember|recall|tell)\w+ me$",
    re.IGNORECASE,
)
"""A question about the model itself: what the user said of himself is no answer."""
ORDER_STATUS = re.compile(
    r"(?=.*\b(?:orders?|parcel|package|shipment|delivery)\b)"
    r".*\b(?:status|where|when|track\w*|shipped|arrived?|delivered)\b",
    re.IGNORECASE,
)
"""Another model would not know either: it takes a tool."""
LONGEST_QUESTION = 500


def reply(talk: Conversation) -> str:
    """The reply to the last of `talk.said`."""
    if not talk.said:
        return SAY["silence"]
    message = talk.said[-1]
    if not message.strip():
        return SAY["empty"]
    if SUMMARIZE.match(normalise(message[:200])):
        return summary(talk)
    known: list[Clause] | None = None
    manners, answers, stated = [], [], False
    for clause in clauses(message):
        if answer := small_talk(clause.text):
            manners.append(answer)
        elif answer := quick_answer(clause):
            answers.append(answer)
        elif clause.asks:
            if known is None:
                known = facts(talk.evidence)
            answers.append(answer_from(clause.text[:LONGEST_QUESTION], talk, known))
        else:
            stated = True
    noted = [acknowledge(talk.evidence)] if stated else []
    return " ".join(dict.fromkeys([*noted, *answers] or manners)) or SAY["ok"]


def acknowledge(evidence: list[Evidence]) -> str:
    """What the last message states, turned around."""
    if len(evidence[-1].text) > QUOTE_LENGTH:
        return SAY["long"].format(len(evidence[-1].text))
    return SAY["noted"].format(_joined(statements(evidence[-40:])[-1]))


def _joined(facts: list[Clause]) -> str:
    *first, last = [turn_around(quoted(fact.text)) for fact in facts]
    return SAY["and"].join([", ".join(first), last]) if first else last


def answer_from(question: str, talk: Conversation, known: list[Clause]) -> str:
    """The answer to one question from the request, or that there is none."""
    return (
        about_the_talk(question, talk)
        or world_answer(question, talk.texts)
        or (SAY["self"] if ASKS_THE_MODEL.match(question) else None)
        or from_memory(question, talk, known)
        or unknown(question, talk.items)
    )


def from_memory(question: str, talk: Conversation, known: list[Clause]) -> str | None:
    """The answer from earlier statements."""
    if EVERYTHING.fullmatch(question):
        return _told(latest(known)) if known else None
    if topic := TOPIC.fullmatch(question):
        found = about(topic["topic"], known)
        return _told(found) if found else None
    question = name_the_person(question, list(map(in_own_words, talk.evidence[-50:])))
    found = recall(question, known)
    if YES_OR_NO.match(question):
        return _yes_or_no(question, found, known)
    return as_sentence(_joined(found)) if found else None


def _told(known: list[Clause]) -> str:
    """What the user told, then what only replies tell."""
    groups = {
        "told": [fact for fact in known if not fact.replied],
        "replied": [fact for fact in known if fact.replied],
    }
    return " ".join(SAY[name].format(_joined(group)) for name, group in groups.items() if group)


def _yes_or_no(question: str, found: list[Clause], known: list[Clause]) -> str | None:
    # "Is my name Bob?" when the name is another one: say what was said.
    if not found and not question.lower().startswith("did "):
        found = recall(re.sub(r" \S+$", "", question), known)
    if not found:
        return None
    if DOUBT.search(found[0].text) or not wanted(question) <= found[0].concepts:
        return _told(found)
    return SAY["no" if NEGATION.search(found[0].text) else "yes"].format(_joined(found))


def unknown(question: str, items: int) -> str:
    """That the request doesn't say it; for a question about the world also how to get an answer."""
    if ORDER_STATUS.match(question):
        return SAY["unknown_order"]
    text = SAY["unknown_one"] if items == 1 else SAY["unknown"].format(items)
    personal = FIRST_PERSON.search(question) or re.search(r"\byou\b", question, re.IGNORECASE)
    return text if personal else f"{text} {SAY['real_model']}"
