"""What the offline model knows besides its request: `FACTS` about places, and a `GLOSSARY`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from session_lab.history.items import is_user_message, text_of
from session_lab.models.offline.evidence import ME, content, words

FACTS: dict[str, dict[str, str]] = {
    "Golden Gate Bridge": {"city": "San Francisco", "state": "California"},
    "San Francisco": {"state": "California", "country": "United States"},
    "California": {"capital": "Sacramento", "country": "United States"},
    "United States": {"capital": "Washington, D.C."},
}
"""What the lessons and the lab ask about."""

GLOSSARY: dict[str, str] = {
    "session": "A session is a list of items under an ID, which a run reads and adds to.",
    "session id": "A session ID says which conversation of a file a run goes on with.",
    "item": "An item is one entry of a session: a message, a reply, a tool call or its output.",
    "turn": "A turn is a user message, or several in a row, with every item that answers it.",
    "run": "A run is one call of Runner.run: it asks the model, calls tools and stores the items.",
    "request": "A request is what one model call is sent: instructions, tools and a list of items.",
    "history": "The history is every item that a session holds when a run begins.",
    "memory": "Memory is what of a conversation is sent to the model again.",
    "model": "A model answers a request and keeps nothing: what it was not sent, it cannot know.",
    "offline model": "The offline model needs no key and no network, and quotes what it was sent.",
    "agent": "An agent is a model with a name, instructions and tools.",
    "tool": "A tool is a function that the model may ask the SDK to call.",
    "tool call": "A tool call is an item that asks for a function, whose output is another item.",
    "approval": "An approval is a person's yes to a tool call, for which the run waits.",
    "handoff": "A handoff passes the conversation on to another agent, within one run.",
    "policy": "A policy decides what of a session is sent, and changes nothing that is stored.",
    "limit": "A limit sends only the last items of a session, and removes nothing.",
    "summary": "A summary is a short text that is sent in place of older turns.",
    "token": "A token is a piece of a text, about four characters of English.",
    "prompt cache": "A prompt cache makes the beginning that two requests share cheaper to read.",
    "trace": "A trace is a record of a run, which the SDK can upload to OpenAI.",
    "finding": "A finding is a place in a history that an API refuses or a model may misread.",
    "fork": "A fork is a copy of a session up to one item, and both go on separately.",
    "pop item": "Pop item removes the last item, whatever it is.",
    "undo turn": "Undo turn removes the last turn: what was asked, and every item that followed.",
    "clear session": "Clear session removes every item and keeps the ID.",
    "restart": "Restart ends memory sessions, as the end of the program does, and keeps files.",
    "memory session": "A memory session lives in the program's memory and ends with it.",
    "file session": "A file session is rows in an SQLite file, which another process can open.",
    "compare": "Compare sends one message to two sessions, or to one under two policies.",
}
"""The tutorial's own terms, a sentence each; the README of lesson 7.1 lists them."""

HOW_THIS_WORKS = (
    "A session stores this conversation, and its items are sent to me with each message. I am no"
    " language model: I quote the item that has what you ask for, and name its place."
)

ATTRIBUTES = ("capital", "city", "state", "country", "where")
"""The words that ask for a value; the first of them counts. "Where" asks for the city."""

_LONGEST_FIRST = "|".join(map(re.escape, sorted(FACTS, key=len, reverse=True)))
_PLACE = re.compile(rf"(?<!\w)(the )?({_LONGEST_FIRST})(?!\w)", re.I)
_PLACES = {name.casefold(): name for name in FACTS}
_REFERENCE = re.compile(r"\b(?:its?|there|(?:that|this) (city|state|country|place))\b", re.I)
_FILLER = r" (?:(?:an?|the|my|this) (?:last )?)?"
"""What may stand between the words of a term: "undo the last turn"."""
_ANY_TERM = "|".join(sorted(GLOSSARY, key=len, reverse=True)).replace(" ", _FILLER)
_TERM = re.compile(rf"\b({_ANY_TERM})s?\b", re.I)
_HOW = re.compile(r"\bhow (?:(?:do|can|should) (?:i|we)|to)\b", re.I)
_DEFINES = re.compile(
    r"\b(?:what(?:'s| is| are| does| do| can)|how (?:does|do|is|are)|explain|define|difference|mean"
    r"|tell me about|who are you|can you)\b",
    re.I,
)
_DEFINING = content("difference between work define explain help name")


def fact_answer(question: str, items: Sequence[object]) -> str | None:
    """A value of `FACTS` for a place that the question names, or that "it" or "that state" means.

    "It" is the newest place in a user message, else in any other item; "that state" is the newest
    state in any item.
    """
    reference = _REFERENCE.search(question)
    rest = question.replace(reference[0], "", 1) if reference else question
    asked = words(_PLACE.sub("", rest).casefold())
    attribute = next((one for one in ATTRIBUTES if one in asked), "")
    key = "city" if attribute == "where" else attribute
    if named := _PLACE.findall(question):
        value = FACTS[_PLACES[named[-1][1].casefold()]].get(key)
        return f"{value.rstrip('.')}." if value else None
    if reference is None or not attribute:
        return None
    it, sort = reference[0], (reference[1] or "").lower()
    newest = [
        (place, the.lower(), _PLACES[name.casefold()], is_user_message(item))
        for place, item in reversed([*enumerate(items, 1)])
        for the, name in reversed(_PLACE.findall(text_of(item)))
    ]
    for place, the, name, _ in newest if sort else sorted(newest, key=lambda one: not one[3]):
        value = FACTS[name].get(key)
        if value and (not sort or any(row.get(sort) == name for row in FACTS.values())):
            meant = f"{the}{name}, from item {place} of {len(items)}"
            return f'{value.rstrip(".")}. "{it[0].upper()}{it[1:]}" is {meant}.'
    return None if attribute == "where" else nothing(len(items), f'what "{it.lower()}" is')


def nothing(count: int, what: str = "that") -> str:
    return f"Nothing in the {count} item{'' if count == 1 else 's'} I was sent says {what}."


def definition(question: str) -> str | None:
    """A sentence of `GLOSSARY` for each term of a question that asks for nothing else."""
    question = _HOW.sub("explain", question)  # "How do I" asks nothing about me.
    rest = _TERM.sub("", question)
    if not _DEFINES.search(question) or ME.intersection(words(rest.casefold())):
        return None
    if content(rest) - _DEFINING:
        return None
    if found := _TERM.findall(question):
        return " ".join(GLOSSARY[re.sub(_FILLER, " ", term.casefold())] for term in found)
    return HOW_THIS_WORKS if re.search(r"\b(?:this|you|your)\b", question, re.I) else None
