"""What fits a question: shared words, one table of cues, and whose they are.

A sentence fits if all three of this hold; the one with the most words wins:

1. At least half of the question's content words are in it, in any form ("arrive", "arrives"). A
   cue of `CUES` counts as one word: "what is my name" asks for "my name is" or "call me".
2. So is what the question names: the word after "my", "our" or "the", an owner ("my boss's"), a
   name (a capital inside the question), and "he", "her", "your" and the like.
3. What is mine in the question is mine in the sentence: asked for where "I live", "My sister lives
   in Riga" does not say it.

A sentence that shares half of the words and does not fit is called the nearest.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_FUNCTION_WORDS = """
a about again all also am an and any anything are as ask asked at be been but by can could did do
does doing for from give had has have he hello her hey hi him his how i i'd i'll i'm i've if in into
is it it's its just kind know let like list many may me mean mention mentioned mine more much must
my no not now of off ok okay on one or our out please recall remember remind said say says she
should show so some something sort still tell than thank thanks that that's the their them then
there these they this those to told too up us user user's was we we're we've were what what's whats
when when's where where's which who who's whose why will with would yes you your
"""
STOP_WORDS = frozenset(_FUNCTION_WORDS.split())
"""Words that a question and a sentence share by chance. All others are content words."""

SAME_WORD = {"mice": "mouse", "bought": "buy", "called": "name", "favourite": "favorite"}
"""What no ending tells, as far as the lessons and the lab need it."""


class Cue(NamedTuple):
    """Other words for the same thing, as patterns. What only `hints` at it counts half."""

    asked: str
    says: str
    hints: str


CUES = (
    Cue(
        r"\b(?:my (?:\w+ )?name|who (?:am i|i am)|am i called)\b",
        r"\b(?:my (?:\w+ )?name(?:'s| is| was)|call me|i am called|user's name)\b",
        r"\b[Ii](?:'m| am) [A-Z]",
    ),
    Cue(
        r"\b(?:my (?:job|profession|occupation|work)|do i do(?: for (?:work|a living))?)\b",
        r"\b(?:(?:i|user) (?:\w+ )?works?|my (?:job|profession|occupation))\b",
        r"\b[Ii](?:'m| am) (?:\w+, )?an? \w",
    ),
    Cue(
        r"\b(?:where (?:do|did|am) (?:i|we) (?:live|stay|from|based)|(?:i|we) live)\b",
        r"\b(?:i|we|user)(?:'m| am| have)? (?:\w+ )?(?:lived?|living|moved?|based)\b",
        r"\b[Ii](?:'m| am) (?:[^.]{1,40} )?(?:from|in) [A-Z]",
    ),
)

I_WORDS = {"i", "i'm", "i've", "i'd", "i'll", "we", "we're", "we've", "we'd", "we'll", "user"}
MY_WORDS = {"my", "our", "user's"}
ME = I_WORDS | MY_WORDS
OTHERS = {"he", "she", "they", "his", "her", "their", "him", "them", "your"}
SPEAKS = {"say", "said", "tell", "told", "mention", "know", "ask", "remember", "think"}

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|\w+(?:['-]\w+)*")
"""A character of a script without spaces is a word; others may hold an apostrophe or a hyphen."""


def plain(text: str) -> str:
    return text.replace("\u2019", "'")


def words(text: str) -> list[str]:
    """The words of a text, in order, as they are written."""
    return _WORD.findall(plain(text))


def is_content(word: str) -> bool:
    is_short = len(word) < 3 and word.isascii() and word.islower()
    return word.casefold() not in STOP_WORDS and not is_short


def content(text: str) -> set[str]:
    """The stems of the words that mean something by themselves."""
    return {stem(word) for word in words(text) if is_content(word)}


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """ "Arrives" and "arrived" -> "arriv". Light: it cuts endings, and knows `SAME_WORD`."""
    word = word.casefold().removesuffix("'s")
    word = re.sub("(?<=..)ies$", "y", SAME_WORD.get(word, word))
    word = re.sub("(?<=...)(?:ing|ed|(?<!s)e?s|e)$", "", word)
    return re.sub(r"(?<=..)([^\W\d])\1$", r"\1", word)


class Question:
    """What a question asks for."""

    def __init__(self, text: str) -> None:
        rest = plain(text)
        self.all_words = content(rest)
        self.cues = [cue for cue in CUES if re.search(cue.asked, rest, re.I)]
        for cue in self.cues:
            rest = re.sub(cue.asked, " ", rest, flags=re.I)
        self.words = content(rest)
        said = words(rest)
        self.mine = {(word, owner) for word, owner in _owned(said, 1) if owner}
        self.named = {
            stem(word)
            for last, word in zip(["", *map(str.casefold, said)], said, strict=False)
            if word.casefold() in OTHERS
            or (is_content(word) and (word.endswith("'s") or last in ("my", "our", "the")))
            or (is_content(word) and last and word[0].isupper() and not word.isupper())
        }

    def rank(self, sentence: str, tool: str = "") -> tuple[bool, float]:
        """Whether a sentence fits, and how many of the words and cues it has.

        `tool` is the name of the tool if the sentence is a tool's output.
        """
        sentence = plain(sentence)
        said = words(f"{sentence} {tool.replace('_', ' ')}")
        stems = set(map(stem, said))
        cues = sum(
            1 if re.search(cue.says, sentence, re.I) else bool(re.search(cue.hints, sentence)) / 2
            for cue in self.cues
        )
        found = len(self.words & stems) + cues
        fits = 0 < found >= (len(self.words) + len(self.cues)) / 2 and self.named <= stems
        if fits and bool(cues) == bool(self.cues):
            there = _owned(said, 2)
            asked = [one for one in self.mine if one[0] in stems]
            if tool or all(there & {(word, owner), (word, "i")} for word, owner in asked):
                return True, found
        near = len(self.all_words & stems)
        return False, near if near >= len(self.all_words) / 2 else 0


def _owned(said: list[str], reach: int) -> set[tuple[str, str]]:
    """The stems of the content words, each with whose it is."""
    return {
        (stem(word), _whose(said, at, reach)) for at, word in enumerate(said) if is_content(word)
    }


def _whose(said: list[str], at: int, reach: int) -> str:
    """ "i" up to three words before, "my" up to `reach`; else it is nobody's or another's: ""."""
    for back, word in enumerate(reversed(said[max(0, at - 3) : at]), 1):
        owner = word.casefold()
        if owner in ME:
            return "i" if owner in I_WORDS else "my" if back <= reach else ""
        if owner in OTHERS or owner in SPEAKS or owner.endswith("'s"):
            return ""
    return ""
