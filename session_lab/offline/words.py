"""From a text to the words that carry its meaning: contractions, stems, synonyms."""

from __future__ import annotations

import re
from functools import lru_cache

SYNONYMS = {
    "name": "name named call called nickname nmae naem",
    "work": "work company job profession occupation career employed employer",
    "live": "live city town home address reside residence based move from",
    "age": "age aged old",
    "like": "like love enjoy prefer favourite favorite fav",
    "color": "color colour",
    "phone": "phone telephone mobile",
    "email": "email mail e-mail",
    "born": "born birthday birth birthdate",
    "number": "number id code",
    "price": "price cost",
    "food": "food eat ate eaten meal dish",
    "buy": "buy bought purchase",
    "go": "go going went gone",
    "see": "see saw seen",
    "meet": "meet met",
    "drive": "drive drove",
    "lose": "lose lost",
    "travel": "travel trip holiday vacation",
    "kind": "kind sort type breed",
    "mouse": "mouse mice",
    "mother": "mother mum mom",
    "father": "father dad",
    "child": "child children kid",
}
KINDS = {
    "pet": "dog cat hamster rabbit parrot fish pony",
    "sibling": "brother sister",
    "parent": "mother father",
    "child": "son daughter",
    "color": "red blue green yellow orange purple pink black white brown grey gray",
    "drink": "tea coffee juice wine beer water milk",
    "food": "pizza pasta sushi rice bread cheese chocolate",
    "car": "volvo toyota ford bmw tesla audi honda fiat volkswagen vw mercedes",
    "language": "english french german spanish italian portuguese dutch russian chinese japanese",
    "instrument": "guitar piano violin drum flute trumpet cello",
    "sport": "football soccer tennis basketball golf hockey",
    "day": "monday tuesday wednesday thursday friday saturday sunday",
}
"""A word on the right is also one of the word on the left: "my dog" answers "do I have a pet?"."""

_STOP_WORDS = """
a an the i me my mine myself we us our you your yours he him his she her hers it its they them their
this that these those there here who whom whose what which when where why how am is are was were be
been being do does did doing done have has had having can could will would shall should may might
must of in on at to for with by about as into than then and or but if so not no yes any some now
just again still please also actually really tell told say said know remember remind mention ask
asked forget before previously current currently full many much let
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())


WORD = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")
SUFFIXES = ("ing", "ed", "ic", "ie", "y", "e")
QUOTES = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")
APOSTROPHE = re.compile(r"'|\b(?:im|ive|dont|whats|whos|wheres)\b", re.IGNORECASE)
CONTRACTIONS = [
    (re.compile(pattern, re.IGNORECASE), text)
    for pattern, text in (
        (r"\bcan't\b", "can not"),
        (r"\bwon't\b", "will not"),
        (r"n't\b|(?<=\bdo)nt\b", " not"),
        (r"\b(what|who|where)s\b", r"\1 is"),
        (r"\b(what|who|where|when|how|it|that|there|name|he|she)'s\b", r"\1 is"),
        (r"'s (?=(?:called|named|an?|the|in|at|on|\d+)\b)", " is "),
        (r"\b(i)'?m\b", r"\1 am"),
        (r"\b(i|you|we|they)'?ve\b", r"\1 have"),
        (r"\b(i|you|we|they)'d like\b", r"\1 would like"),
        (r"\b(i|you|he|she|it|we|they)'ll\b", r"\1 will"),
        (r"\b(you|we|they)'re\b", r"\1 are"),
    )
]


def words(text: str) -> list[str]:
    """The words of a text in small letters."""
    return WORD.findall(text.lower())


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """A rough stem ("lives" and "living" give "liv"), or the name of its group of synonyms."""
    word = word.removesuffix("'s")
    if word in GROUP_OF:
        return GROUP_OF[word]
    if word.endswith("s") and not word.endswith("ss") and len(word) > 3:
        word = word[:-1]
    for suffix in SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word.removesuffix(suffix)
            break
    if len(word) > 3 and word[-1] == word[-2] and word.isalpha():
        word = word[:-1]
    return GROUP_OF.get(word, word)


GROUP_OF: dict[str, str] = {}
for _group, _members in SYNONYMS.items():
    GROUP_OF |= {form: _group for member in _members.split() for form in (stem(member), member)}
stem.cache_clear()
KIND_OF = {stem(member): stem(kind) for kind, group in KINDS.items() for member in group.split()}


def concepts(text: str) -> frozenset[str]:
    """The stems of the words that carry meaning, and what they are a kind of."""
    stems = {stem(word) for word in words(text) if word not in STOP_WORDS}
    return frozenset(stems | {KIND_OF[one] for one in stems if one in KIND_OF})


def normalise(text: str) -> str:
    """Straight quotes, contractions written out, single spaces."""
    text = text.translate(QUOTES)
    if APOSTROPHE.search(text):
        for pattern, replacement in CONTRACTIONS:
            text = pattern.sub(replacement, text)
    return " ".join(text.split())
