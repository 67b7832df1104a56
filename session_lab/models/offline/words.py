"""A text as sentences and words, and whether a sentence asks. Words are of any script."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_FUNCTION_WORDS = """
a about again all also am an and any anything are as ask asked at be been but by can could did do
does doing done exactly for from give had has have he hello her hers hey hi him his how i i'd i'll
i'm i've if in into is it it's its just kind know let list many may me mean mention mentioned mine
more much must my no not now of off ok okay on one or our out over please recall remember remind
said say says shall she should show so some something sort still tell than thank thanks that
that's the their them then there there's these they this those to told too up us user user's was
we we're we've were what what's whats when when's where where's which who who's whose why will
with would yes you you're you've your yours
"""
STOP_WORDS = frozenset(_FUNCTION_WORDS.split())
"""Words that a question and a sentence share by chance. All others are content words."""

_FORMS = """
ate:eat bought:buy broke:break broken:break called:name chose:choose chosen:choose colour:color
drove:drive favourite:favorite flew:fly found:find gave:give got:get grew:grow kept:keep
left:leave lost:lose made:make met:meet mice:mouse paid:pay saw:see sent:send sold:sell
spent:spend spoke:speak taught:teach thought:think took:take went:go written:write wrote:write
"""
SAME_WORD = dict(pair.split(":") for pair in _FORMS.split())
"""What no ending tells."""

# A character of a script without spaces is a word; others may hold an apostrophe or a hyphen.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|\w+(?:['-]\w+)*")
FULL_WIDTH_STOPS = "\u3002\uff01\uff1f"
"""The stops of Chinese and Japanese. No space follows them."""

_SENTENCE = re.compile(rf"[^.!?{FULL_WIDTH_STOPS}]*(?:[.!?{FULL_WIDTH_STOPS}]+[\"')\]]*|\Z)")
_ABBREVIATION = re.compile(r"(?:^|\W)[A-Z]\w{0,2}\.$")
_OPENING = re.compile(
    r"(?:(?:hi|hello|hey)\b(?: \w+)?[,!]\s*"
    r"|(?:hi|hello|hey|ok|okay|so|and|but|well|then|thanks|thank you|please)\b[\s,.!-]*)*",
    re.IGNORECASE,
)
_QUESTION_MARK = re.compile(r"[?\uff1f\u061f][\"')\]]*$")
_ASKS = re.compile(
    r"""(?: what | what's | whats | who | who's | whose | where | where's | which | why | how
      | when\ (?:is|are|am|was|were|do|does|did|can|will|has|have|should)
      | (?:am|are|can|could|did|do|does|had|has|have|is|should|was|were|will|would)
        \ (?:i|you|we|my|our|your|the|it|he|she|they|this|that|there)
      | remind\ (?:me|us)\ (?:what|who|where|when|which|why|how|of)
      )\b""",
    re.IGNORECASE | re.VERBOSE,
)
_ORDERS = re.compile(
    r"(?:(?:can|could|will|would) you )?(?:please )?(?:calculate|check|compose|compute|count|create"
    r"|describe|draw|explain|find|generate|give|list|look|quote|recommend|show|sing|suggest"
    r"|summari[sz]e|tell|track|translate|write)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Word:
    """`text` as it is written; `stem` is equal for the forms of one word; `start` in the text."""

    text: str
    stem: str
    start: int

    @property
    def is_content(self) -> bool:
        is_short = len(self.text) < 3 and self.text.islower() and self.text.isascii()
        return self.text.casefold() not in STOP_WORDS and not is_short


def words(text: str) -> list[Word]:
    """The words of a text, in order."""
    plain = text.replace("\u2019", "'")  # One character for another, so places stay.
    return [Word(one[0], stem(one[0]), one.start()) for one in _WORD.finditer(plain)]


def content(text: str) -> list[Word]:
    """The words that mean something by themselves."""
    return [word for word in words(text) if word.is_content]


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """ "Arrives" and "arrived" -> "arriv". Light: it cuts endings, and knows `SAME_WORD`."""
    word = word.casefold()
    word = word[:-2] if word.endswith("'s") else word.rstrip("'")
    word = SAME_WORD.get(word, word)
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] and word.isalpha() else word


def sentences(line: str) -> list[str]:
    """A line's sentences, as they are written. "St." or "Dr." ends none."""
    found: list[str] = []
    for match in _SENTENCE.finditer(line):
        goes_on = found and not match[0][:1].isspace() and found[-1][-1] not in FULL_WIDTH_STOPS
        if found and (goes_on or _ABBREVIATION.search(found[-1][-5:])):
            found[-1] += match[0]
        elif match[0].strip():
            found.append(match[0])
    return [one.strip() for one in found]


def without_opening(sentence: str) -> str:
    """The sentence without "Hi Ann, " or "thanks, " at its start."""
    return _OPENING.sub("", sentence.strip().replace("\u2019", "'"), count=1)


def asks(sentence: str) -> bool:
    """Whether a sentence is a question or an order. It is not quoted as a fact then."""
    text = without_opening(sentence)
    is_question = text.startswith("¿") or _QUESTION_MARK.search(text[-4:]) or _ASKS.match(text)
    return bool(is_question) or orders(sentence)


def orders(sentence: str) -> bool:
    """Whether a sentence tells the model to do something: "Write me a poem"."""
    return bool(_ORDERS.match(without_opening(sentence)))
