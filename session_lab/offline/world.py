"""The table `FACTS` and the questions it answers: all the offline model knows of the world."""

from __future__ import annotations

import re

from session_lab.offline.clauses import FIRST_PERSON, TOPIC, YES_OR_NO
from session_lab.offline.wording import SAY
from session_lab.offline.words import concepts, words

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
"""All the offline model knows of the world. A place's city leads to its state, that to its country.
"""


PLACE = re.compile(
    rf"\b(?:{'|'.join(re.escape(name) for name in sorted(FACTS, key=len, reverse=True))})(?!\w)",
    re.IGNORECASE,
)
FOLLOW_UP = frozenset({"and", "what", "how", "about", "of", "for", "the", "then"})
AFTER_OF = re.compile(r"\bof (?:the )?$")
IS_IN = re.compile(rf"is (?:the )?{PLACE.pattern} in .+", re.IGNORECASE)
PLACE_NAMES = {name.lower(): name for name in FACTS}
LEADS_TO = ("city", "state", "country")
IS_A = {kind: {row[kind] for row in FACTS.values() if kind in row} for kind in LEADS_TO}
ATTRIBUTES = {
    "population": re.compile(r"\bpopulation|\binhabitants|\bhow many people", re.IGNORECASE),
    "capital": re.compile(r"\bcapital", re.IGNORECASE),
    "opened": re.compile(r"\bopen|^(?!who\b).*\bbuil[dt]|\bwhat year|\bhow old", re.IGNORECASE),
    "length": re.compile(r"\blong\b|\blength", re.IGNORECASE),
    "height": re.compile(r"\btall\b|\bhigh\b|\bheight", re.IGNORECASE),
    "city": re.compile(r"\b(?:city|town)\b", re.IGNORECASE),
    "state": re.compile(r"\bstate\b", re.IGNORECASE),
    "country": re.compile(r"\b(?:country|nation)\b", re.IGNORECASE),
    "place": re.compile(r"\bwhere\b", re.IGNORECASE),
}
REFERENCE = re.compile(
    r"\b(?:that|this|the|its|which) (?P<kind>city|state|country|bridge|tower|place|building)\b"
    r"(?:'s)?",
    re.IGNORECASE,
)
POINTS_BACK = re.compile(r"\b(?:it|its|there)\b", re.IGNORECASE)
TAKES_THE = re.compile(r"Golden|Statue|Space|Gateway|Sydney Opera|Eiffel|United")


def look_up(place: str, attribute: str) -> str | None:
    """A value of `FACTS`; the state of a bridge is the state of its city."""
    row = FACTS.get(place, {})
    if attribute == "place":
        return next((row[kind] for kind in LEADS_TO if kind in row), None)
    if attribute in row:
        return row[attribute]
    steps = [row[kind] for kind in LEADS_TO if kind in row] if attribute in LEADS_TO else []
    return look_up(steps[0], attribute) if steps else None


def world_answer(question: str, texts: list[str]) -> str | None:
    """The answer of `FACTS`, about a place that is named here or was mentioned, newest first."""
    places = list(PLACE.finditer(question))
    if not places:
        return None if FIRST_PERSON.search(question) else _about_mentioned(question, texts)
    # "Is Sydney the capital of Australia?" is about Australia.
    after_of = [one for one in places if AFTER_OF.search(question, 0, one.start())]
    place = PLACE_NAMES[(after_of or places)[0].group().lower()]
    attribute = _attribute(PLACE.sub("", question))
    if TOPIC.fullmatch(question) and not attribute:
        return " ".join(_fact_sentence(place, name, value) for name, value in FACTS[place].items())
    attribute = attribute or _unnamed_attribute(question, texts)
    return _look_up_from(place, None, attribute) if attribute else None


def _unnamed_attribute(question: str, texts: list[str]) -> str | None:
    """ "Is the Space Needle in Rome?" asks for the place, "And London?" what was asked before."""
    if YES_OR_NO.match(question):
        return "place" if IS_IN.fullmatch(question) else None
    if not FOLLOW_UP.issuperset(words(PLACE.sub("", question))):
        return None
    return next((one for one in map(_attribute, reversed(texts[-20:-1])) if one), None)


def _about_mentioned(question: str, texts: list[str]) -> str | None:
    reference = REFERENCE.search(question)
    kind = reference["kind"].lower() if reference else None
    rest = REFERENCE.sub("", question)
    if attribute := _attribute(rest):
        points_back = bool(reference or POINTS_BACK.search(rest))
        loose = ATTRIBUTES[attribute].sub("", rest)
    else:
        attribute, points_back, loose = _attribute(question), False, rest
    if not attribute or not (points_back or not concepts(loose) - {"live"}):
        return None
    for text in reversed(texts):
        if found := PLACE.search(text):
            answer = _look_up_from(PLACE_NAMES[found.group().lower()], kind, attribute)
            if answer:
                return answer
    return None


def _attribute(text: str) -> str | None:
    return next((name for name, pattern in ATTRIBUTES.items() if pattern.search(text)), None)


def _look_up_from(place: str, kind: str | None, attribute: str) -> str | None:
    """The answer about a place, or about the state that it is in if "that state" was said."""
    subject: str | None = place
    if kind in LEADS_TO and kind != attribute and place not in IS_A[kind]:
        subject = look_up(place, kind)
    while attribute == "capital" and subject and attribute not in FACTS.get(subject, {}):
        subject = look_up(subject, "place")
    value = look_up(subject, attribute) if subject else None
    return _fact_sentence(subject, attribute, value) if subject and value else None


def _fact_sentence(place: str, attribute: str, value: str) -> str:
    subject, value = (f"the {one}" if TAKES_THE.match(one) else one for one in (place, value))
    if attribute in (*LEADS_TO, "place"):
        text = SAY["in"].format(subject, value)
    elif attribute == "opened":
        text = SAY["opened"].format(subject, value)
    else:
        text = SAY["of"].format(attribute, subject, value)
    return text[0].upper() + text[1:].replace("..", ".")
