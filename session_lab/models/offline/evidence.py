"""What the items of a request say, and which sentence of them fits a question best.

A sentence that is no question itself fits if all of this holds:

1. Every name (a capital inside the question) and every owner ("my manager's ...") that the question
   has is in it, and the thing after "my", "our" or "the".
2. So is at least half of the question's content words, in any form ("arrive", "arrives"). A cue of
   `CUES` counts as a word: "what is my name" asks for "my name is ..." and "call me ...".
3. A word that is mine in the question (`my order`, `do I live`) counts only if it is mine in the
   sentence, and the other way round: "My manager's name is Dana." does not say my name.

The sentence with the most words wins; of equals the user's, then a tool's, then the newest. One in
which only the second holds, whosever it is, is the nearest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import chain

from session_lab.history.items import SUMMARY_REQUEST, field, kind, text_of
from session_lab.models.offline.facts import GLOSSARY, HOW_THIS_WORKS
from session_lab.models.offline.words import (
    Word,
    asks,
    content,
    sentences,
    stem,
    without_opening,
    words,
)

LONGEST_QUOTE = 240
"""Characters. A longer sentence is cut at a word."""


@dataclass(frozen=True)
class Cue:
    """Other words for the same thing, where no word is shared. `hints` count half."""

    asked: re.Pattern[str]
    says: re.Pattern[str]
    hints: re.Pattern[str]


def _cue(asked: str, says: str, hints: str) -> Cue:
    return Cue(re.compile(asked, re.I), re.compile(says, re.I), re.compile(hints))


CUES = (
    _cue(
        r"\b(?:my (?:\w+ )?name|who (?:am i|i am)|am i called)\b",
        r"\b(?:my (?:\w+ )?name(?:'s| is| was)|call me|i am called|user's name)\b",
        r"\b[Ii](?:'m| am) [A-Z]",
    ),
    _cue(
        r"\b(?:my (?:job|profession|occupation|work)|do i do(?: for (?:work|a living))?)\b",
        r"\b(?:(?:i|user) (?:\w+ )?works?|my (?:job|profession|occupation))\b",
        r"\b[Ii](?:'m| am) an? \w",
    ),
    _cue(
        r"\b(?:where (?:do|did|am) (?:i|we) (?:live|stay|from|based)|(?:i|we) live"
        r"|my (?:home|address))\b",
        r"\b(?:(?:i|we|user) (?:\w+ )?(?:lives?|moved)|(?:i'm|i am) based|my (?:home|address))\b",
        r"\b[Ii](?:'m| am) (?:from|in) ",
    ),
    _cue(
        r"\b(?:how old (?:am i|i am)|my age)\b", r"\bmy age\b|\byears old\b", r"\b[Ii](?:'m| am) \d"
    ),
)

FIRST_PERSON = frozenset(
    ["i", "i'm", "i've", "i'd", "i'll", "we", "we're", "we've", "we'd", "we'll", "user"]
)
POSSESSIVE = frozenset(["my", "our", "user's"])
_FIRST = {"": 2, "output": 1}
"""Of equals: the user's message, then a tool's output, then all others."""
_ENDS = FIRST_PERSON | POSSESSIVE | frozenset(["he", "she", "they", "his", "her", "their"])
_SPEAKS = frozenset(
    map(stem, ["say", "said", "tell", "told", "mention", "know", "ask", "remember", "think"])
)
_YOU = re.compile(r"\byou(r)?\b", re.IGNORECASE)
_THING = re.compile(r"\b(?:my|our|the) ([\w'-]+)\b(?! of\b)", re.IGNORECASE)
_QUOTE = re.compile(
    rf'item \d+ of \d+(?:, [^"\n]{{1,80}})?: "(.{{1,{LONGEST_QUOTE}}}?)"(?: …)?\.?(?=\n|\Z)',
    re.DOTALL,
)


@dataclass(frozen=True)
class Source:
    """What one item says. `name` is empty for the user's message, else for example "a summary"."""

    place: int
    name: str
    lines: tuple[str, ...]
    tool: str = ""


@dataclass(frozen=True)
class Found:
    """The sentence that fits best: `text` is literally in the item at `place`."""

    place: int
    name: str
    text: str
    cut: bool
    fits: bool
    """False if it is only the nearest."""


def read(items: Sequence[object]) -> list[Source]:
    """The items that say something, oldest first; places count from 1."""
    sources: list[Source] = []
    called: dict[str, str] = {}
    before: object = None
    for place, item in enumerate(items, 1):
        kind_, name, tool = kind(item), "", ""
        text = text_of(item) if field(item, "content") is not None else ""
        if kind_ == "tool call":
            called[str(field(item, "call_id"))] = str(field(item, "name"))
        elif kind_ == "tool output":
            tool = called.get(str(field(item, "call_id")), "a tool")
            name, text = f"output of {tool}", text_of(item)
        elif kind_ == "assistant" and kind(before) == "user" and is_summary_request(before):
            name = "a summary"
        elif kind_ == "assistant":
            name = "my earlier reply"
            quotes = "\n".join(_QUOTE.findall(text))
            text = quotes or ("" if text.startswith(OWN_WORDS) else text)
        elif kind_ != "user":
            name = f"a {kind_} message"
        before = item
        if text.strip():
            lines = (text,) if tool else tuple(filter(str.strip, text.splitlines()))
            sources.append(Source(place, name, lines, tool))
    return sources


OWN_WORDS = (
    *("Noted.", "Hello. Tell me", "Nothing in the", "I am no language model", "You have stated"),
    *("I was sent no", "I can read only", "Your message names no", HOW_THIS_WORKS),
    *GLOSSARY.values(),
)
"""How the model's own replies begin that say nothing of the user: only what they quote does."""


def is_summary_request(item: object) -> bool:
    return text_of(item) == SUMMARY_REQUEST


def statements(source: Source) -> list[str]:
    """The sentences of an item that ask nothing."""
    if source.tool:
        return list(source.lines)
    said = chain.from_iterable(map(sentences, source.lines))
    return [one for one in said if not asks(one)]


class Question:
    """What a question asks for: cues, words, and whose they are."""

    def __init__(self, text: str) -> None:
        plain = without_opening(text)
        self.cues = [cue for cue in CUES if cue.asked.search(plain)]
        rest = plain
        for cue in self.cues:
            rest = cue.asked.sub(lambda match: " " * len(match[0]), rest)
        asked = content(rest)
        self.words = {word.stem for word in asked}
        self.all_words = {word.stem for word in content(plain)}
        self.is_empty = not (self.words or self.cues)
        said = words(plain)
        self.my_things = _owned(said, self.words, POSSESSIVE, 2)
        self.my_deeds = _owned(said, self.words, FIRST_PERSON, 3)
        names = {word.stem for word in asked if word.start and word.text[0].isupper()}
        owners = {word.stem for word in asked if word.text.casefold().endswith("'s")}
        self.named = owners | (set() if plain.isupper() else names)
        self.things = {stem(match[1]) for match in _THING.finditer(rest)} & self.words

    def rank(self, sentence: str, source: Source) -> tuple[int, int]:
        """How well a sentence fits, and how near it comes. Zero: not at all."""
        plain = sentence.replace("\u2019", "'")
        if source.name == "my earlier reply":  # "Your name" in a reply is the user's name.
            plain = _YOU.sub(lambda match: "my" if match[1] else "I", plain)
        said = words(f"{plain} {source.tool.replace('_', ' ')}")
        stems = {word.stem for word in said}
        if not self.named <= stems:
            return 0, 0
        shared = self.words & stems
        if not source.tool:
            shared -= self._somebody_elses(said, shared)
        says = [cue for cue in self.cues if cue.says.search(plain)]
        hints = [cue for cue in self.cues if cue.hints.search(plain) and not source.name]
        hints = [cue for cue in hints if cue not in says]
        found = len(shared) + len(says) + len(hints)
        near = len(self.all_words & stems)
        near = near if 2 * near >= len(self.all_words) else 0
        if not found or 2 * found < len(self.words) + len(self.cues) or not self.things <= stems:
            return 0, near
        return 2 * (len(shared) + len(says)) + len(hints), near

    def _somebody_elses(self, said: Sequence[Word], shared: Set[str]) -> set[str]:
        """The shared words that are mine in the question but not in the sentence, or reverse."""
        mine = _owned(said, shared, FIRST_PERSON, 3) | _owned(said, shared, POSSESSIVE, 1)
        mine |= self.my_things & _owned(said, shared, POSSESSIVE, 2)
        asked = self.my_deeds | self.my_things
        return (asked - mine) | (_owned(said, shared, FIRST_PERSON, 1) - asked)


def find(question: Question, sources: Sequence[Source]) -> Found | None:
    """The sentence that fits best, else the nearest, else None."""
    best: tuple[int, int, int, int, int] | None = None
    for index, source in enumerate(sources):
        for number, sentence in enumerate(statements(source)):
            fit, near = question.rank(sentence, source)
            if fit or near:
                mark = (fit, 0 if fit else near, _FIRST.get(source.name[:6], 0), index, number)
                best = max(best, mark) if best else mark
    if best is None:
        return None
    source, number = sources[best[3]], best[4]
    said, fits = statements(source), best[0] > 0
    first = number
    while fits and first and question.rank(said[first - 1], source)[0]:
        first -= 1
    text = _span(source, said[first], said[number])
    return Found(source.place, source.name, *shorten(text, question.all_words), fits)


def shorten(text: str, about: Set[str] = frozenset()) -> tuple[str, bool]:
    """A literal part of a long text, cut at a word, and whether it was cut.

    It begins at the first of the words that it is about, if they come late.
    """
    if len(text) <= LONGEST_QUOTE:
        return text, False
    place = next((word.start for word in words(text) if word.stem in about), 0)
    start = place if place > LONGEST_QUOTE // 2 else 0
    part = text[start : start + LONGEST_QUOTE]
    if start + LONGEST_QUOTE < len(text) and " " in part:
        part = part[: part.rindex(" ")]
    return part.strip(), True


def _span(source: Source, first: str, last: str) -> str:
    """The item's text from one sentence to another, if both stand in one line, else the last."""
    for line in source.lines:
        start = line.find(first)
        end = line.find(last, max(start, 0))
        if 0 <= start <= end:
            return line[start : end + len(last)]
    return last


def _owned(said: Sequence[Word], of: Set[str], owners: Set[str], distance: int) -> set[str]:
    """Those of the stems before which, at most so many words away, one of the owners stands.

    Somebody else's name, or a word of speaking, ends the way back.
    """
    found = set()
    for index, word in enumerate(said):
        if word.stem not in of:
            continue
        for before in reversed(said[max(0, index - distance) : index]):
            owner = before.text.casefold()
            if owner in owners:
                found.add(word.stem)
            if owner in _ENDS or owner in owners or before.stem in _SPEAKS or owner.endswith("'s"):
                break
    return found
