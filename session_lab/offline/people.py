"""Whom "he", "her" and "its" speak of."""

from __future__ import annotations

import re
from collections.abc import Iterator

WOMEN = "sister|mother|mum|mom|wife|daughter|girlfriend|aunt"
MEN = "brother|father|dad|husband|son|boyfriend|uncle"
OTHERS = "partner|friend|boss|colleague|neighbou?r|cousin|doctor|teacher"
NO_PERSON = "dog|cat|hamster|rabbit|parrot|fish|car|boat|house"
SOMEBODY = re.compile(
    r"\b(?:my (?P<whose>[\w-]+'s |(?:big|little|older|younger|best|new) )?"
    r"|(?:have|got) an? (?:\w+ )?)"
    rf"(?P<who>{WOMEN}|{MEN}|{OTHERS}|{NO_PERSON})\b",
    re.IGNORECASE,
)
PRONOUN = re.compile(r"\b(?:(?P<owner>his|her|its)|he|she|him)\b", re.IGNORECASE)
NOT_MEANT = {
    **dict.fromkeys(("he", "his", "him"), re.compile(rf" (?:{WOMEN})$", re.IGNORECASE)),
    **dict.fromkeys(("she", "her"), re.compile(rf" (?:{MEN})$", re.IGNORECASE)),
    "its": re.compile(rf" (?:{WOMEN}|{MEN}|{OTHERS})$", re.IGNORECASE),
}


def name_the_person(question: str, texts: list[str]) -> str:
    """Put who was spoken of last for a pronoun: "her cat" -> "my sister's cat"."""
    pronoun = PRONOUN.search(question)
    if not pronoun or SOMEBODY.search(question):
        return question
    people = (person for text in reversed(texts[-50:]) for person in _meant(pronoun, text))
    return _exchanged(pronoun, next(people, None))


def name_the_subject(statement: str, before: list[str]) -> str:
    """The same for a statement: only if those before it leave no choice."""
    pronoun = PRONOUN.match(statement)
    people = {person for text in before for person in _meant(pronoun, text)} if pronoun else set()
    return _exchanged(pronoun, people.pop()) if pronoun and len(people) == 1 else statement


def _meant(pronoun: re.Match[str], text: str) -> Iterator[str]:
    """Everybody in a text that the pronoun can mean."""
    for found in SOMEBODY.finditer(text):
        person = f"my {found['whose'] or ''}{found['who']}"
        if not NOT_MEANT[pronoun.group().lower()].search(person):
            yield person


def _exchanged(pronoun: re.Match[str], person: str | None) -> str:
    text = pronoun.string
    if not person:
        return text
    named = f"{person}'s" if pronoun["owner"] else person
    return text[: pronoun.start()] + named + text[pronoun.end() :]
