"""What the offline model knows besides its request: `FACTS` about places, and a `GLOSSARY`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from session_lab.models.offline.words import content, stem, words

FACTS: dict[str, dict[str, str]] = {
    "Golden Gate Bridge": {"city": "San Francisco", "opened": "1937", "length": "2,737 metres"},
    "Statue of Liberty": {"city": "New York City", "opened": "1886", "height": "93 metres"},
    "Space Needle": {"city": "Seattle", "opened": "1962", "height": "184 metres"},
    "Gateway Arch": {"city": "St. Louis", "opened": "1967", "height": "192 metres"},
    "Sydney Opera House": {"city": "Sydney", "opened": "1973"},
    "Eiffel Tower": {"city": "Paris", "opened": "1889"},
    "Tower Bridge": {"city": "London", "opened": "1894"},
    "San Francisco": {"state": "California", "population": "873,965 (2020 census)"},
    "New York City": {"state": "New York", "population": "8.8 million (2020 census)"},
    "Seattle": {"state": "Washington", "population": "737,015 (2020 census)"},
    "St. Louis": {"state": "Missouri", "population": "301,578 (2020 census)"},
    "Sydney": {"state": "New South Wales"},
    "Paris": {"country": "France"},
    "London": {"country": "United Kingdom", "population": "8.8 million (2021 census)"},
    "California": {
        "country": "United States",
        "capital": "Sacramento",
        "population": "39.5 million (2020 census)",
    },
    "New York": {
        "country": "United States",
        "capital": "Albany",
        "population": "20.2 million (2020 census)",
    },
    "Washington": {
        "country": "United States",
        "capital": "Olympia",
        "population": "7.7 million (2020 census)",
    },
    "Missouri": {
        "country": "United States",
        "capital": "Jefferson City",
        "population": "6.2 million (2020 census)",
    },
    "New South Wales": {
        "country": "Australia",
        "capital": "Sydney",
        "population": "8.1 million (2021 census)",
    },
    "United States": {"capital": "Washington, D.C.", "population": "331.4 million (2020 census)"},
    "Australia": {"capital": "Canberra", "population": "25.4 million (2021 census)"},
    "France": {"capital": "Paris"},
    "United Kingdom": {"capital": "London"},
}
"""A place's row. Its city leads to its state, and that to its country."""

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

LEADS_TO = ("city", "state", "country")
ATTRIBUTES = {
    "population": ("population", "inhabitants", "people"),
    "capital": ("capital",),
    "opened": ("opened", "opening", "built", "old"),
    "length": ("long", "length"),
    "height": ("tall", "high", "height"),
    "city": ("city", "town"),
    "state": ("state",),
    "country": ("country", "nation"),
    "where": ("where",),
}
"""The words that ask for a value; the first attribute that is asked for counts."""

_NAMES = sorted(FACTS, key=len, reverse=True)
_PLACE = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, _NAMES))})(?!\w)", re.IGNORECASE)
_PLACES = {name.casefold(): name for name in FACTS}
_TAKES_THE = re.compile(r"Golden|Statue|Space|Gateway|Sydney Opera|Eiffel|United")
_REFERENCE = re.compile(
    r"\b(?:its?|there|(?:that|this) (city|state|country|bridge|tower|place|building))\b", re.I
)
_DEFINES = re.compile(
    r"\b(?:what(?:'s| is| are| does| do)|how (?:does|do|is|are)|explain|define|difference|mean"
    r"|meaning|tell me about|who are you|can you)\b",
    re.IGNORECASE,
)
_MINE = re.compile(r"\b(?:my|mine|i|we|our)\b", re.IGNORECASE)
_TALK_OF_WORDS = frozenset(map(stem, ["difference", "between", "work", "works", "explain", "define", "name"]))


def fact_answer(
    question: str, users: Sequence[tuple[int, str]], others: Sequence[tuple[int, str]], count: int
) -> str | None:
    """A value of `FACTS` for a place that the question names, or that "it" or "that state" means.

    `users` and `others` are (place, text) of the request's user messages and of its other items.
    "It" is the newest place in a user message, else in any item; "that state" is the newest state.
    """
    named = [_PLACES[one.casefold()] for one in _PLACE.findall(question)]
    reference = _REFERENCE.search(question)
    rest = {word.stem for word in words(_PLACE.sub("", _without(question, reference)))}
    attribute = next((a for a, asked in ATTRIBUTES.items() if rest & set(map(stem, asked))), None)
    if attribute is None:
        return None
    if named:
        return _value(named[-1], attribute)
    if reference is None or not (users or others):
        return None
    kind = reference[1].lower() if reference[1] else ""
    mentions = _mentions([*sorted([*users, *others], reverse=True)]) if kind in LEADS_TO else []
    mentions = [one for one in mentions if _is_a(one[1], kind)]
    mentions += _mentions([*reversed(users), *reversed(others)])
    for place, name in mentions:
        subject = name if kind not in LEADS_TO or _is_a(name, kind) else look_up(name, kind)
        answer = _value(subject, attribute) if subject else None
        if subject and answer:
            meant = _the(subject) if subject == name else f"{_the(subject)}, where {_the(name)} is"
            said = reference[0][0].upper() + reference[0][1:]
            return f'{answer} "{said}" is {meant}, from item {place} of {count}.'
    return None


def missing_reference(question: str) -> str | None:
    """ "It" of a question about places, if it has one: what no item of the request says."""
    reference = _REFERENCE.search(question)
    rest = {word.stem for word in words(_without(question, reference))}
    asked = any(rest & set(map(stem, some)) for name, some in ATTRIBUTES.items() if name != "where")
    return reference[0].lower() if reference and asked else None


def look_up(place: str, attribute: str) -> str | None:
    """A value of `FACTS`; the state of a bridge is the state of its city."""
    row = FACTS.get(place, {})
    steps = [row[kind] for kind in LEADS_TO if kind in row]
    if attribute == "where":
        return steps[0] if steps else None
    if attribute in row:
        return row[attribute]
    return look_up(steps[0], attribute) if attribute in LEADS_TO and steps else None


def definition(question: str) -> str | None:
    """A sentence of `GLOSSARY` for each term of a question that asks for nothing else."""
    if not _DEFINES.search(question) or _MINE.search(question):
        return None
    left = [word.stem for word in words(question)]
    found: list[str] = []
    for term in sorted(GLOSSARY, key=len, reverse=True):
        stems = [stem(one) for one in term.split()]
        for i in range(len(left) - len(stems), -1, -1):
            if left[i : i + len(stems)] == stems:
                left[i : i + len(stems)] = ["·"]
                found.append(term)
    rest = {word.stem for word in content(question)} & set(left) - _TALK_OF_WORDS
    if rest:
        return None
    asked = {word.text.casefold() for word in words(question)}
    if not found and asked & {"this", "you", "your"} and asked & {"how", "who", "what", "can"}:
        return HOW_THIS_WORKS
    in_order = sorted(set(found), key=lambda term: question.casefold().find(term.split()[0][:3]))
    return " ".join(GLOSSARY[term] for term in in_order) or None


def _value(place: str, attribute: str) -> str | None:
    """The value as a sentence. A capital or a population may be that of a place around it."""
    subject: str | None = place
    while (
        subject and look_up(subject, attribute) is None and attribute in ("capital", "population")
    ):
        subject = look_up(subject, "where")
    value = look_up(subject, attribute) if subject else None
    if value is None or subject is None:
        return None
    return (
        f"{value.rstrip('.')}."
        if subject == place
        else f"{value.rstrip('.')}, for {_the(subject)}."
    )


def _mentions(texts: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """Each text's places, the last first."""
    return [
        (place, _PLACES[name.casefold()])
        for place, text in texts
        for name in reversed(_PLACE.findall(text))
    ]


def _is_a(place: str, kind: str) -> bool:
    return any(row.get(kind) == place for row in FACTS.values())


def _without(text: str, match: re.Match[str] | None) -> str:
    return text[: match.start()] + text[match.end() :] if match else text


def _the(place: str) -> str:
    return f"the {place}" if _TAKES_THE.match(place) else place
