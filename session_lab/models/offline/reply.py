"""What the offline model answers with. It reads top to bottom: the first that applies counts.

1. Tools of this turn have answered: each output is quoted.
2. The message asks for an agent, or for a tool and holds its arguments: these are called.
3. A summary is asked for: what the user stated, and what tools returned, line by line.
4. The message asks nothing: what a tool lacks that it speaks of, else "Noted.", or a greeting for
   a greeting.
5. `FACTS` know the place that is named, or that "it" means.
6. `GLOSSARY` defines the tutorial's term that is asked for.
7. A sentence of the request fits: it is quoted with its line and its item's place. Of equals the
   user's wins, then a tool's, then the newest. (Not for an order that a tool lacks something for.)
8. Nothing says it: what a tool lacks; for any other order, that this is no language model; else
   that nothing says it, with the nearest sentence, if one comes near.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

from agents import FunctionTool, Handoff

from session_lab.history.items import (
    SUMMARY_REQUEST,
    field,
    is_hosted,
    is_user_message,
    kind,
    output_of,
    text_of,
    tool_name,
)
from session_lab.models.offline.evidence import MY_WORDS, Question, plain, stem, words
from session_lab.models.offline.facts import (
    GLOSSARY,
    HOW_THIS_WORKS,
    definition,
    fact_answer,
    nothing,
)
from session_lab.models.offline.tools import Calls, choose_calls

LONGEST_QUOTE = 240
"""Characters. A longer line is quoted by its sentence, a longer sentence is cut at a word."""
HELLO = "Hello. Tell me a fact, then ask me for it."
NOTED = "Noted."
NO_MODEL = (
    "I am no language model: I only quote what I was sent. For a real answer set OPENAI_API_KEY or"
    " OPENAI_BASE_URL in .env."
)
NO_MESSAGE = "I was sent no message of yours."
NOTHING_STATED = "You have stated nothing yet."
OWN_WORDS = (
    *(HELLO, NOTED, NO_MODEL, NO_MESSAGE, NOTHING_STATED, HOW_THIS_WORKS, *GLOSSARY.values()),
    *("Nothing in the", "Your message names no"),
)
"""How replies begin that say nothing of the user: only what they quote does."""

_OPENING = re.compile(
    r"^(?:(?:hi|hello|hey|ok|so|and|but|well|then|thanks|please)\b[\s,.!-]*)+(?:\w+[,!]\s*)?", re.I
)
_GREETING = re.compile(r"(?:hi|hello|hey|good \w+)\b(?: \w+)?\W*", re.I)
_ASKS = re.compile(
    r"¿|(?:what|what's|whats|who|who's|whose|where|where's|which|why|how|remind me (?:what|who|of)"
    r"|(?:when )?(?:is|are|am|was|were|do|does|did|can|could|will|would|has|have)"
    r" (?:i|you|we|my|our|your|the|it|he|she|they|this|that|there))\b",
    re.I,
)
_ORDERS = re.compile(
    r"(?:calculate|check|count|create|describe|draw|explain|find|give|list|look|quote|recommend|show"
    r"|suggest|summari[sz]e|tell|track|translate|write)\b",
    re.I,
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[\u3002\uff01\uff1f])")
_AND_ASKS = re.compile(r",? and (?=(?:what|where|who|when|how|which)\b)", re.I)
_SUMMARY = re.compile(r"\bsummar(?:y of|i[sz]e)\b", re.I)
_TALK = re.compile(r"\b(?:know|remember|recall|said|say|told|tell)\b", re.I)
_YOU = re.compile(r"\byou(r)?\b", re.I)
_QUOTE = re.compile(
    rf'item \d+ of \d+(?:, [^"\n]{{1,80}})?: "(.{{1,{LONGEST_QUOTE}}}?)"(?: …)?\.?(?=\n|\Z)', re.S
)


@dataclass(frozen=True)
class Said:
    """One statement of an item. `text` is literally in it; `quote` is the line around it."""

    place: int
    """Of the item in the request, from 1."""
    source: str
    """Empty for the user's message, else for example "a summary" or "output of order_status"."""
    text: str
    quote: str
    tool: str = ""


def respond(
    items: Sequence[object],
    tools: Sequence[FunctionTool],
    handoffs: Sequence[Handoff[Any, Any]],
    tool_choice: object,
) -> str | Calls:
    """The text or the tool calls that answer the last user message of a request."""
    at = next((i for i in reversed(range(len(items))) if is_user_message(items[i])), None)
    if at is None:
        return NO_MESSAGE
    message, said = text_of(items[at]), read(items)
    outputs = [one for one in said if one.tool and one.place > at + 1]
    # A handoff's output names the agent that answers now: it is no result, and tells nothing.
    said = [one for one in said if not one.tool.startswith("transfer_to_")]
    if results := [one for one in outputs if one in said]:
        return "\n".join(f"From {_quote(one, len(items))}" for one in results)
    # An agent is handed a message once.
    calls, hint = choose_calls(message, tools, [] if outputs else handoffs, tool_choice)
    if calls:
        return calls
    if _SUMMARY.search(message):
        return _summary(said)
    sentences = [one for line in message.splitlines() for one in _SENTENCE_END.split(line)]
    asked = [part for one in sentences if asks(one) for part in _AND_ASKS.split(one)]
    if asked:
        return "\n".join(dict.fromkeys(_answer(one, items, said, hint) for one in asked))
    if hint and not MY_WORDS.intersection(words(message.casefold())):
        return hint
    return HELLO if _GREETING.fullmatch(message.strip()) else NOTED


def read(items: Sequence[object]) -> list[Said]:
    """What the items of a request state, oldest first."""
    said: list[Said] = []
    called = {
        str(field(item, "call_id")): tool_name(item) for item in items if kind(item) == "tool call"
    }
    for place, (before, item) in enumerate(zip([None, *items], items, strict=False), 1):
        sort, text = kind(item), text_of(item)
        if is_hosted(item) or sort == "tool output":
            call_id, name = str(field(item, "call_id")), tool_name(item)
            tool = name if is_hosted(item) else called.get(call_id, "a tool")
            if (given := output_of(item)) or sort == "tool output":
                said.append(Said(place, f"output of {tool}", given, given, tool))
            continue
        if field(item, "content") is None:
            continue
        source = "" if sort == "user" else f"a {sort} message"
        if sort == "assistant":
            is_summary = is_user_message(before) and text_of(before) == SUMMARY_REQUEST
            source = "a summary" if is_summary else "my earlier reply"
            quotes = "\n".join(_QUOTE.findall(text))  # A quote of a quote would name two places.
            text = quotes or ("" if text.startswith(OWN_WORDS) else text)
        for line in map(str.strip, text.splitlines()):
            parts = [one for one in _SENTENCE_END.split(line) if one]
            stated = parts if source == "a summary" else [one for one in parts if not asks(one)]
            is_whole = parts == stated and len(line) <= LONGEST_QUOTE
            said += [Said(place, source, one, line if is_whole else one) for one in stated]
    return said


def asks(sentence: str) -> bool:
    """Whether a sentence is a question or an order. It is not quoted as a fact then."""
    text = without_opening(sentence)
    ends = text.rstrip("\"')] ").endswith(("?", "\uff1f", "\u061f"))
    return ends or bool(_ASKS.match(text) or _ORDERS.match(text))


def without_opening(sentence: str) -> str:
    """The sentence without "Hi Ann, " or "thanks, " at its start."""
    return _OPENING.sub("", plain(sentence.strip()))


def _answer(asked: str, items: Sequence[object], said: Sequence[Said], hint: str | None) -> str:
    question, count = Question(without_opening(asked)), len(items)
    if not question.all_words and not question.cues and _TALK.search(asked):
        return _summary(said)
    if known := fact_answer(asked, items) or definition(asked):
        return known
    is_order = bool(_ORDERS.match(without_opening(asked)))
    best, fits = _find(question, said)
    if best and fits and not (hint and is_order):
        return f"From {_quote(best, count, question.all_words)}"
    if hint:
        return hint
    if is_order and not question.mine:
        return NO_MODEL
    near = f" The nearest is {_quote(best, count, question.all_words)}" if best else ""
    return nothing(count) + near


def _find(question: Question, said: Sequence[Said]) -> tuple[Said | None, bool]:
    """The statement that fits best and True, else the nearest or None and False."""
    ranks: list[tuple[bool, float, int, int]] = []
    for at, one in enumerate(said):
        text = one.text
        if one.source == "my earlier reply":  # "Your name" in a reply is the user's name.
            text = _YOU.sub(lambda match: "my" if match[1] else "I", text)
        ranks.append(
            (*question.rank(text, one.tool), 1 if one.tool else 0 if one.source else 2, at)
        )
    fits, score, _, at = max(ranks, default=(False, 0, 0, 0))
    return (said[at] if score else None), fits


def _quote(said: Said, count: int, about: Set[str] = frozenset()) -> str:
    """The quote with its place. A long one begins at the first word that it is about."""
    text, stop = said.quote, ""
    if len(text) > LONGEST_QUOTE:
        first = next((word for word in words(text) if stem(word) in about), "")
        text = text[max(0, plain(text).find(first)) :]
    if len(text) > LONGEST_QUOTE:
        text, stop = text[:LONGEST_QUOTE].rsplit(" ", 1)[0].strip(), " …"
    elif text[-1:] not in ".!?\u3002\uff01\uff1f":
        stop = "."
    source = f", {said.source}" if said.source else ""
    return f'item {said.place} of {count}{source}: "{text}"{stop}'


def _summary(said: Sequence[Said]) -> str:
    """What the user stated, earlier summaries and tool outputs, each once. Nothing is shortened."""
    lines = [
        f"{one.source}: {one.text}" if one.tool else one.text
        for one in said
        if one.tool or one.source in ("", "a summary")
    ]
    return "\n".join(dict.fromkeys(lines)) or NOTHING_STATED
