"""Which text the offline model answers with. It reads top to bottom: the first that applies counts.

1. Tools of this turn have answered: each output is quoted.
2. A summary is asked for: what the user stated, and what tools returned, line by line.
3. The message asks nothing: "Noted.", or a greeting for a greeting.
4. `FACTS` know the place that is named, or that "it" means.
5. `GLOSSARY` defines the tutorial's term that is asked for.
6. An item of the request says it: that sentence is quoted, with the item's place.
7. Nothing says it. If a sentence comes near, it is quoted as that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from session_lab.history.items import is_user_message, text_of
from session_lab.models.offline.evidence import (
    Found,
    Question,
    Source,
    find,
    read,
    shorten,
    statements,
)
from session_lab.models.offline.facts import definition, fact_answer, missing_reference
from session_lab.models.offline.words import (
    FULL_WIDTH_STOPS,
    asks,
    orders,
    sentences,
    without_opening,
)

HELLO = "Hello. Tell me a fact, then ask me for it."
NOTED = "Noted."
NO_MODEL = (
    "I am no language model: I only quote what I was sent. For a real answer set OPENAI_API_KEY or"
    " OPENAI_BASE_URL in .env."
)
_GREETING = re.compile(
    r"(?:hi|hello|hey|hola|hallo|bonjour|ciao|good (?:morning|afternoon|evening|day))\b"
    r"(?: \w+)?\W*",
    re.IGNORECASE,
)
_WANTS = re.compile(r"(?:i|we)(?:'d| would)? (?:like|need|want)\b", re.IGNORECASE)
_ARITHMETIC = re.compile(r"\d\s*(?:[-+*/^]|plus|minus|times|divided by)\s*\(?-?\d", re.IGNORECASE)
_AND_ASKS = re.compile(r",? and (?=(?:what|where|who|when|how|which)\b)", re.IGNORECASE)
_SUMMARY = re.compile(r"\bsummar(?:y of|i[sz]e)\b", re.IGNORECASE)
_TALK = re.compile(r"\b(?:know|remember|recall|said|say|told|tell)\b", re.IGNORECASE)
_MINE = re.compile(r"\b(?:my|i|our|we)\b", re.IGNORECASE)


def reply(items: Sequence[object], hint: str | None = None) -> str:
    """The text that answers the last user message of a request.

    `hint` says what a tool would need; it stands in for the answer that there is none.
    """
    at = last_user_message(items)
    if at is None:
        return "I was sent no message of yours."
    message, count, sources = text_of(items[at]), len(items), read(items)
    if results := results_of_this_turn(items, at):
        return "\n".join(_whole(one, count) for one in results)
    if _SUMMARY.search(message):
        return _summary(sources)
    said = [one for line in message.splitlines() for one in sentences(line)]
    asked = [part for one in said if asks(one) for part in _AND_ASKS.split(one)]
    if asked:
        answers = (_answer(one, sources, count, hint) for one in asked)
        return "\n".join(dict.fromkeys(answers))
    if hint and (_WANTS.match(without_opening(message)) or not _MINE.search(message)):
        return hint
    if handoffs := [one for one in sources if one.tool and one.place > at + 1]:
        return _whole(handoffs[-1], count)
    return HELLO if _GREETING.fullmatch(message.strip()) else NOTED


def last_user_message(items: Sequence[object]) -> int | None:
    """Its index: the message that is being answered."""
    return next((i for i in reversed(range(len(items))) if is_user_message(items[i])), None)


def results_of_this_turn(items: Sequence[object], at: int) -> list[Source]:
    """The tool outputs after the message at that index. A handoff's output is no result."""
    later = [one for one in read(items) if one.tool and one.place > at + 1]
    return [one for one in later if not one.tool.startswith("transfer_to_")]


def _answer(asked: str, sources: Sequence[Source], count: int, hint: str | None) -> str:
    question = Question(asked)
    users = [(one.place, text) for one in sources if not one.name for text in one.lines]
    others = [(one.place, text) for one in sources if one.name for text in one.lines]
    if fact := fact_answer(asked, users, others, count):
        return fact
    if question.is_empty and _TALK.search(asked):
        return _summary(sources)
    if defined := definition(asked):
        return defined
    if hint and orders(asked):
        return hint
    found = find(question, sources)
    if found and found.fits:
        return f"From {_quote(found, count)}"
    if hint:
        return hint
    if reference := missing_reference(asked):
        return _nothing(count, f'what "{reference}" is')
    if _ARITHMETIC.search(asked) or (orders(asked) and not _MINE.search(asked)):
        return NO_MODEL
    return _nothing(count) + (f" The nearest is {_quote(found, count)}" if found else "")


def _nothing(count: int, what: str = "that") -> str:
    return f"Nothing in the {count} item{'' if count == 1 else 's'} I was sent says {what}."


def _quote(found: Found, count: int) -> str:
    name = f", {found.name}" if found.name else ""
    end = " …" if found.cut else "" if found.text[-1] in f".!?{FULL_WIDTH_STOPS}" else "."
    return f'item {found.place} of {count}{name}: "{found.text}"{end}'


def _whole(source: Source, count: int) -> str:
    found = Found(source.place, source.name, *shorten(source.lines[0]), fits=True)
    return f"From {_quote(found, count)}"


def _summary(sources: Sequence[Source]) -> str:
    """What the user stated, earlier summaries and tool outputs, each once. Nothing is shortened."""
    lines: list[str] = []
    for source in sources:
        if not source.name:
            lines += statements(source)
        elif source.name == "a summary":
            lines += source.lines
        elif source.tool:
            lines += [f"{source.name}: {source.lines[0]}"]
    return "\n".join(dict.fromkeys(lines)) or "You have stated nothing yet."
