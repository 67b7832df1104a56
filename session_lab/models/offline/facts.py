"""What the offline model knows besides its request: `FACTS` about places, and a `GLOSSARY`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from session_lab.models.offline.words import content, stem, words

FACTS: dict[str, dict[str, str]] = {
    "Golden Gate Bridge": {"city": "San Francisco"},
    "Statue of Liberty": {"city": "New York City"},
    "Space Needle": {"city": "Seattle"},
    "Sydney Opera House": {"city": "Sydney"},
    "Eiffel Tower": {"city": "Paris"},
    "Tower Bridge": {"city": "London"},
    "San Francisco": {"state": "California"},
    "New York City": {"state": "New York"},
    "Seattle": {"state": "Washington"},
    "Sydney": {"state": "New South Wales"},
    "Paris": {"country": "France"},
    "London": {"country": "United Kingdom"},
    "California": {"country": "United States", "capital": "Sacramento"},
    "New York": {"country": "United States", "capital": "Albany"},
    "Washington": {"country": "United States", "capital": "Olympia"},
    "New South Wales": {"country": "Australia", "capital": "Sydney"},
    "United States": {"capital": "Washington, D.C."},
    "Australia": {"capital": "Canberra"},
    "France": {"capital": "Paris"},
    "United Kingdom": {"capital": "London"},
}
"""A row leads to the place around it: a bridge's to its city, a city's to its state or country."""

GLOSSARY: dict[str, str] = {
    "session": "A session is a list of items under an ID. The SDK reads it before a run and adds to"
    " it what is new.",
    "item": "An item is one entry of a session: a message, a reply, a tool call or its output.",
    "turn": "A turn is one user message with every item that answers it.",
    "run": "A run is one call of Runner.run: it reads the session, asks the model, calls tools and"
    " stores what is new.",
    "request": "A request is what one model call is sent: instructions, tools and a list of items.",
    "model": "A model answers a request. It keeps nothing: what it was not sent, it cannot know.",
    "agent": "An agent is a model with a name, instructions and tools.",
    "tool": "A tool is a function that the model may ask the SDK to call.",
    "tool call": "A tool call is an item in which the model asks for a function; the tool output is"
    " the item with its result. One without the other cannot be sent.",
    "policy": "A policy decides what of a session is sent. It changes nothing that is stored.",
    "limit": "A limit sends only the last items of a session. It removes nothing.",
    "summary": "A summary is a short text that is sent in place of older turns.",
    "token": "A token is a piece of a text, about four characters of English. Servers count, and"
    " charge for, tokens.",
    "fork": "A fork is a copy of a session up to one item. Both go on separately.",
    "pop item": "Pop item removes the last item, whatever it is.",
    "undo turn": "Undo turn removes the last user message and every item that followed it.",
    "clear session": "Clear session removes every item and keeps the ID.",
    "delete": "Delete removes a session with its items, its name and what was recorded of it.",
    "edit": "Edit changes the text of one stored message.",
    "repair": "Repair makes a history acceptable to an API again, in a fork.",
    "export": "Export writes a session's items to a JSON file.",
    "import": "Import makes a session from a JSON file.",
    "restart": "Restart ends the lab's memory sessions as the end of the program would. What is in"
    " the file survives.",
    "memory session": "A memory session lives in the program's memory and ends with it.",
    "file session": "A file session is rows in an SQLite file. Any process that opens the file and"
    " knows the ID goes on with it.",
    "handoff": "A handoff passes the conversation on to another agent, within one run.",
    "offline model": "The offline model needs no key and no network. It quotes the item it was sent"
    " that has what you ask for, and names its place.",
    "compare": "Compare sends one message to two sessions, or to one under two policies.",
}
"""The tutorial's own terms, in one or two sentences each."""

HOW_THIS_WORKS = (
    "A session stores this conversation, and its items are sent to me with each message. I am no"
    " language model: I quote the item that has what you ask for, and name its place."
)

AROUND = ("city", "state", "country")
ATTRIBUTES = {
    "capital": frozenset({"capital"}),
    "city": frozenset({"city", "town"}),
    "state": frozenset({"state"}),
    "country": frozenset({"country"}),
    "where": frozenset({"where"}),
}
"""The words that ask for a value; the first attribute that is asked for counts."""

_NAMES = sorted(FACTS, key=len, reverse=True)
_PLACE = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, _NAMES))})(?!\w)", re.IGNORECASE)
_PLACES = {name.casefold(): name for name in FACTS}
_TAKES_THE = ("Golden", "Statue", "Space", "Sydney Opera", "Eiffel", "United")
_REFERENCE = re.compile(
    r"\b(?:its?|there|(?:that|this) (city|state|country|bridge|tower|place|building))\b", re.I
)
_DEFINES = re.compile(
    r"\b(?:what(?:'s| is| are| does| do| can)|how (?:does|do|is|are)|explain|define|difference|mean"
    r"|meaning|tell me about|who are you|can you)\b",
    re.IGNORECASE,
)
_MINE = re.compile(r"\b(?:my|mine|i|we|our)\b", re.IGNORECASE)
_DEFINING = frozenset(
    map(stem, ["difference", "between", "work", "define", "explain", "help", "name"])
)

Texts = Sequence[tuple[int, str]]
"""Texts of items with their places, oldest first."""


def fact_answer(question: str, users: Texts, others: Texts, count: int) -> str | None:
    """A value of `FACTS` for a place that the question names, or that "it" or "that state" means.

    "It" is the newest place in a user message, else in any other item; "that state" is the newest
    state in any item, else the state of that place. `count` is the number of items of the request.
    """
    reference = _REFERENCE.search(question)
    attribute = _attribute(question, reference)
    if attribute is None:
        return None
    if named := _places(question):
        return _value(named[0], attribute)
    if reference is None:
        return None
    kind = (reference[1] or "").lower()
    newest = [*_mentions(users), *_mentions(others)]
    if kind in AROUND:
        both = _mentions(sorted([*users, *others]))
        newest = [one for one in both if _is_a(one[1], kind)] + newest
    for place, name in newest:
        subject = look_up(name, kind) if kind in AROUND and not _is_a(name, kind) else name
        if subject and (answer := _value(subject, attribute)):
            meant = _the(subject) if subject == name else f"{_the(subject)}, where {_the(name)} is"
            said = reference[0][0].upper() + reference[0][1:]
            return f'{answer} "{said}" is {meant}, from item {place} of {count}.'
    return None


def missing_reference(question: str) -> str | None:
    """ "It" or "that state" of a question for a city, a state, a country or a capital."""
    reference = _REFERENCE.search(question)
    asks = _attribute(question, reference) not in (None, "where")
    return reference[0].lower() if reference and asks else None


def look_up(place: str, attribute: str) -> str | None:
    """A value of `FACTS`; the state of a bridge is the state of its city."""
    row = FACTS.get(place, {})
    around = next((row[kind] for kind in AROUND if kind in row), None)
    if attribute == "where":
        return around
    if attribute in row or attribute not in AROUND or around is None:
        return row.get(attribute)
    return look_up(around, attribute)


def definition(question: str) -> str | None:
    """A sentence of `GLOSSARY` for each term of a question that asks for nothing else."""
    if not _DEFINES.search(question) or _MINE.search(question):
        return None
    left = " ".join(word.stem for word in words(question))
    found: dict[int, str] = {}
    for term in sorted(GLOSSARY, key=len, reverse=True):
        stems = " ".join(map(stem, term.split()))
        if match := re.search(rf"\b{stems}\b", left):
            found[match.start()] = term
            left = left.replace(stems, "·" * len(stems))
    if {word.stem for word in content(question)} & set(left.split()) - _DEFINING:
        return None
    if not found:
        return HOW_THIS_WORKS if re.search(r"\b(?:this|you|your)\b", question, re.I) else None
    return " ".join(GLOSSARY[found[place]] for place in sorted(found))


def _attribute(question: str, reference: re.Match[str] | None) -> str | None:
    rest = question.replace(reference[0], "", 1) if reference else question
    said = {word.stem for word in words(_PLACE.sub("", rest))}
    return next((name for name, some in ATTRIBUTES.items() if said & set(map(stem, some))), None)


def _value(place: str, attribute: str) -> str | None:
    """The value as a sentence. The capital of a bridge is that of the state around it."""
    subject: str | None = place
    while subject and (value := look_up(subject, attribute)) is None:
        subject = look_up(subject, "where") if attribute == "capital" else None
    if subject is None or value is None:
        return None
    return f"{value.rstrip('.')}." if subject == place else f"{value}, of {_the(subject)}."


def _places(text: str) -> list[str]:
    """The places that a text names, the last first."""
    return [_PLACES[name.casefold()] for name in reversed(_PLACE.findall(text))]


def _mentions(texts: Texts) -> list[tuple[int, str]]:
    """Where a place is named, the newest first."""
    return [(place, name) for place, text in reversed(texts) for name in _places(text)]


def _is_a(place: str, kind: str) -> bool:
    return any(row.get(kind) == place for row in FACTS.values())


def _the(place: str) -> str:
    return f"the {place}" if place.startswith(_TAKES_THE) else place
