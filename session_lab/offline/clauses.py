"""From a message to its statements and questions, and a statement turned around."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from session_lab.offline.words import KIND_OF, STOP_WORDS, concepts, normalise, stem, words

VERBS = (
    r"\b(?:is|are|was|were|has|have|had|can|will|would|should|does?|did|lives?|works?|likes?|loves?"
    r"|hates?|prefers?|wants?|needs?|plays?|eats?|goes|starts?|ends?|arrives?|moved|bought)\b"
)
EDGES = " .!?,;:\uff1f\u061f"
SENTENCE_END = re.compile(r"(?<=[.!?])(?<!\b[DMS][rst]\.)(?<!\bMrs\.)\s+")
EXCLAIMED = re.compile(r"\b(no|nope|wrong|sorry|oops)[.!]+ (?=\w)", re.IGNORECASE)
CLAUSE = re.compile(
    r"(?:,(?: (?:and|but|so))?|;| and| but| [\u2013\u2014-]) "
    r"(?=(?:now |actually )?(?:i|we|he|she) \w|(?:my|our) (?:[\w'-]+ ){1,4}?"
    r"(?:is|are|was|has|have|had|lives?|works?|likes?|loves?)\b"
    r"|(?:what|who|whose|where|when|how|which|do i|do you|can you|tell me|call me)\b)",
    re.IGNORECASE,
)
SAME_SUBJECT = re.compile(
    r",? and (?=(?:live|work|am|have|like|love|hate|study|play|moved|enjoy|prefer|own)\b)", re.I
)
APPOSITION = re.compile(r",(?: and)? (?=(?:an?|the|from|based|living|\d+)\b)", re.I)
HAS_VERB = re.compile(
    VERBS + r"|\b(?:am|died|lost|got|went|came|left)\b|\b(?:i|call|what|who|where|when|how|tell)\b",
    re.I,
)
FILLER = re.compile(
    r"(?:(?:(?:actually|sorry|oh|oops|well|so|and|but|also|anyway|by the way|btw|please|fyi|hi|hey"
    r"|now|hello|correction|in fact|good (?:morning|afternoon|evening)|ok|okay"
    r"|(?:thanks|thank you)(?=[,.!])|my mistake|remember|note|keep in mind|you should know"
    r"|for the record|let me correct myself"
    r"|i (?:want|would like) you to (?:know|remember)"
    r"|i (?:just |already )?(?:said|told you)(?= (?:that )?(?:i|my|we|our)\b))\b"
    r"(?: there| again| this(?=:)| that(?= (?:i|my|we|our|the|it)\b))?"
    r"|(?:no|nope|wrong|yes|yeah|wait)\b(?=[,.;!:-]| (?:i|my|it|that|call|wait|sorry|actually)\b))"
    r"[\s,:;.!-]+)+",
    re.IGNORECASE,
)
QUESTION = re.compile(
    r"(?:what|who|whose|whom|where|when|why|which|how)\b(?! (?:i|we|my|our|he|she|they|an?)\b)"
    r"|(?:do|does|did|is|are|am|was|were|have|has|can|could|will|would|should)(?: not)?"
    r" (?:i|you|we|my|your|our|it|that|this|there|the|he|she|they)\b"
    r"|i (?:(?:want|need|would like) to know|wonder)\b"
    r"|i forgot (?:what|who|where|when|how|my name)\b"
    r"|(?:the )?(?:population|capital|height|length) of\b(?!.* (?:is|was|are)\b)"
    r"|(?:tell|remind|show|give) me\b|(?:list|repeat|guess|say (?:that|my)|come again|recap"
    r"|summari[sz]e|sum up)\b",
    re.IGNORECASE,
)
INTRODUCTION = re.compile(
    r"(?:(?:you (?:can|may|should)|just|my friends|friends|people|everyone|they)(?: all)? )?"
    r"calls? me (?!back\b|later\b|at\b|on\b|when\b|if\b|tomorrow\b|today\b|an?\b)"
    r"|i go by |i am (?:called|named) |(?:the )?name is ",
    re.IGNORECASE,
)
GREETED = re.compile(r"(?:hi|hello|hey|good)\b", re.IGNORECASE)
THIS_IS = re.compile(r"[Tt]his is (?=[A-Z]\w*$)")
INTRODUCED = "my name is "
OBJECTION = re.compile(r"(?:no|nope|wrong|sorry|actually|wait|oops|correction)\b", re.IGNORECASE)
TRAILER = re.compile(
    r",? (?:by the way|btw)$|, (?:actually|please|you know|too|sorry|not [\w' -]+)$", re.IGNORECASE
)
CORRECTION = re.compile(
    r"(?:(?P<weak>it is|that is)|it should be|that should be|i meant?|make (?:it|that)) (?!not\b)",
    re.IGNORECASE,
)
PRONOUNS = {
    "i am": "you are", "i was": "you were", "am i": "are you", "was i": "were you",
    "you are": "I am", "i": "you", "me": "you", "we": "you", "us": "you", "my": "your",
    "our": "your", "mine": "yours", "ours": "yours", "myself": "yourself", "you": "me",
    "your": "my", "yours": "mine", "yourself": "myself",
}  # fmt: skip
CLAUSE_BEFORE = re.compile(r"(?:^|,|\b(?:and|but|if|that|when|because|what))\s*$", re.IGNORECASE)
SPANISH = re.compile(r"me \w+[oa]\b", re.IGNORECASE)
PRONOUN = re.compile(rf"\b(?:{'|'.join(PRONOUNS)})\b", re.IGNORECASE)


@dataclass(frozen=True)
class Clause:
    """One statement or question, without "Well, ..." in front and punctuation behind."""

    text: str
    asks: bool
    corrects: bool = False
    replied: bool = False
    """Whether it is known from a reply only."""

    @cached_property
    def concepts(self) -> frozenset[str]:
        return concepts(self.text)


def clauses(message: str) -> Iterator[Clause]:
    """The statements and questions of a message, in order."""
    for line in filter(str.strip, message.splitlines()):
        for sentence in SENTENCE_END.split(EXCLAIMED.sub(r"\1, ", normalise(line))):
            *first, last = _split(sentence)
            for part in first:
                yield from _clause(part, asks=False)
            yield from _clause(last, asks=sentence.endswith(("?", "\uff1f", "\u061f")))


def _clause(part: str, asks: bool) -> Iterator[Clause]:
    filler, text = _cut_filler(part)
    introduction = INTRODUCTION.match(text) or (GREETED.match(filler) and THIS_IS.match(text))
    if introduction:
        text = INTRODUCED + text[introduction.end() :]
    asks = asks or QUESTION.match(text) is not None
    if text := TRAILER.sub("", text.strip(EDGES)) or part.strip(EDGES):
        yield Clause(text, asks, _corrects(filler, text))


def _cut_filler(text: str) -> tuple[str, str]:
    """ "Well, I like tea" -> "Well, " and "I like tea"."""
    filler = FILLER.match(text)
    return (filler.group(), text[filler.end() :]) if filler else ("", text)


def _corrects(filler: str, text: str) -> bool:
    """Whether it is "make that 7", or after a "No, " also "it's Ann" or just a name or number."""
    objects = OBJECTION.match(filler) is not None
    if correction := CORRECTION.match(text):
        return objects or not correction["weak"]
    bare = len(text.split()) <= 3 and shape(text) != "word" and not HAS_VERB.search(text)
    return objects and bare


def _split(sentence: str) -> list[str]:
    """ "I am Al, a cook, and my dog is Rex" -> "I am Al", "I am a cook", "my dog is Rex"."""
    parts, start = [], 0
    for border in CLAUSE.finditer(sentence):
        if HAS_VERB.search(sentence, start, border.start()):
            parts.append(sentence[start : border.start()])
            start = border.end()
    parts.append(sentence[start:])
    return [piece for part in parts for piece in _repeat_subject(part)]


def _repeat_subject(part: str) -> list[str]:
    """ "I live in Rome and work" -> "I live in Rome", "I work"."""
    subject, _, rest = _cut_filler(part)[1].partition(" ")
    if subject.lower() not in ("i", "we"):
        return [part]
    if re.match(r"am [^,]*, ", rest, re.IGNORECASE):
        part = " and am ".join(APPOSITION.split(part))
    first, *others = SAME_SUBJECT.split(part)
    return [first, *(f"{subject} {piece}" for piece in others)]


def turn_around(text: str) -> str:
    """What the user said, said to the user: "I love my dog" -> "you love your dog"."""
    if SPANISH.match(text):
        return text.strip(EDGES)
    shouted = text.isupper()

    def turned(match: re.Match[str]) -> str:
        word = match.group()
        is_name = not shouted and match.start() > 0 and word[0].isupper() and word[:1] != "I"
        if is_name or (word.isupper() and len(word) > 1 and not shouted):
            return word  # "My Fair Lady", "the US"
        start = match.start()
        if word.lower() == "you" and CLAUSE_BEFORE.search(text, max(0, start - 20), start):
            return "I"
        return PRONOUNS[word.lower()]

    text = text.strip(EDGES)
    text = PRONOUN.sub(turned, text)
    first = text.split(" ", 1)[0]
    return text[0].lower() + text[1:] if first.lower() in STOP_WORDS and first != "I" else text


def shape(value: str) -> str:
    """What a value begins like: "color" or another group of `KINDS`, "name", "number", "word"."""
    first = value[:1]
    kind = KIND_OF.get(stem(words(value)[0])) if words(value) else None
    return kind or ("number" if first.isdigit() else "name" if first.isupper() else "word")


FIRST_PERSON = re.compile(r"\b(?:i|my|me|mine|we|our)\b", re.IGNORECASE)
TOPIC = re.compile(
    r".*\b(?:tell|told|say|said|know|remember|mention|mentioned|talk)\b.*? (?:about|of|regarding) "
    r"(?P<topic>.+)",
    re.IGNORECASE,
)
YES_OR_NO = re.compile(
    r"(?:do|does|did|is|are|am|was|were|have|has|can|could|will|would|should)\b"
    r"(?! you (?:please )?(?:know|remember|recall|tell|remind|say|repeat))",
    re.IGNORECASE,
)
