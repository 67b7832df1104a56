"""What the items of a request say, and which sentence of them fits a question best.

The rule, in the order in which it is applied to each sentence that is no question itself:

1. The question's content words are looked for in the sentence, in any form ("arrive", "arrives").
   A cue of `CUES` counts as a word: "what is my name" asks for "my name is ..." and "call me ...".
2. The thing that the question asks about must be there: the word after "my", "our" or "the", a word
   with 's, and every capitalised name.
3. At least half of the question's words must be there, else it does not fit.
4. What is mine in the question (`I ...`, `my ...`) must be the user's in the sentence, and the other
   way round. Otherwise the sentence is only the nearest.
5. The sentence with the most words wins; of equals one of the user's, then the newest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain

from session_lab.items import SUMMARY_REQUEST, field, kind, text_of
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

FIRST_PERSON = frozenset(["i", "i'm", "i've", "i'd", "i'll", "we", "we're", "we've", "we'd", "we'll", "user"])
POSSESSIVE = frozenset(["my", "our", "user's"])
_FIRST = {"": 2, "output": 1}
"""Of equals: the user's message, then a tool's output, then all others."""
_ENDS = FIRST_PERSON | POSSESSIVE | frozenset(["he", "she", "they", "his", "her", "their"])
_SPEAKS = frozenset(map(stem, ["say", "said", "tell", "told", "mention", "know", "ask", "remember", "think"]))
_ADDRESSED = {"you": "i", "you're": "i'm", "you've": "i've", "your": "my"}
_THING = re.compile(r"\b(?:my|our|the) ([\w'-]+)(?! of\b)", re.IGNORECASE)
_QUOTE = re.compile(
    r'item \d+ of \d+(?:, [^"\n]*?)?: "(.*?)"(?: …)?\.?(?=\n[^\n]*item \d+ of \d+|\Z)', re.DOTALL
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
            text = "\n".join(_QUOTE.findall(text)) if text.startswith(OWN_WORDS) else text
        elif kind_ != "user":
            name = f"a {kind_} message"
        before = item
        if text.strip():
            lines = (text,) if tool else tuple(filter(str.strip, text.splitlines()))
            sources.append(Source(place, name, lines, tool))
    return sources


OWN_WORDS = ("From item", "Noted.", "Hello. Tell me", "Nothing in the", "I am no language model")
"""How the model's own replies begin. Of these only what they quote says anything."""


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
        things = {stem(match[1]) for match in _THING.finditer(rest)}
        self.required = owners | (things & self.words) | (set() if plain.isupper() else names)

    def rank(self, sentence: str, source: Source) -> tuple[int, int]:
        """How well a sentence fits, and how near it comes. Zero: not at all."""
        plain = sentence.replace("\u2019", "'")
        said = words(f"{plain} {source.tool.replace('_', ' ')}")
        if source.name == "my earlier reply":
            said = [
                replace(word, text=_ADDRESSED.get(word.text.casefold(), word.text)) for word in said
            ]
        stems = {word.stem for word in said}
        near = len(self.all_words & stems)
        if not self.required <= stems or not (near or self.cues):
            return 0, 0
        shared = self.words & stems
        if not source.tool:
            did = _owned(said, shared, FIRST_PERSON, 3)
            have = _owned(said, shared, POSSESSIVE, 1)
            have |= self.my_things & _owned(said, shared, POSSESSIVE, 2)
            not_mine = (self.my_deeds | self.my_things) - did - have
            not_asked = _owned(said, shared, FIRST_PERSON, 1) - self.my_deeds - self.my_things
            shared -= not_mine | not_asked
        strong = sum(bool(cue.says.search(plain)) for cue in self.cues)
        weak = sum(bool(cue.hints.search(plain)) for cue in self.cues) - strong
        weak = max(weak, 0) if not source.name else 0
        found = len(shared) + strong + weak
        if not found or 2 * found < len(self.words) + len(self.cues):
            return 0, near
        return 2 * (len(shared) + strong) + weak, near


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
