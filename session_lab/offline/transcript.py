"""Questions about the conversation itself: what was said, how often, and its summary."""

from __future__ import annotations

import re

from session_lab.offline.clauses import clauses, turn_around
from session_lab.offline.conversation import Conversation
from session_lab.offline.manners import quick_answer
from session_lab.offline.statements import facts
from session_lab.offline.wording import SAY, as_sentence, counted, quoted

SUMMARIZE = re.compile(
    r"(?:(?:can|could|will|would) you )?(?:please )?(?:summari[sz]e|recap\b|sum up\b"
    r"|give me a (?:summary|recap))|what (?:did|have|were|are) we (?:\w+ ){0,2}(?:talk|discuss)"
    r"|what (?:is|was) (?:this|our|the) conversation about",
    re.IGNORECASE,
)
ORDER = (
    r"(?P<order>first|second|third|last|latest|previous|before|earlier|just now|beginning|start)"
)
SAID = (
    r"(?:(?:can|could|do) you )?(?:please )?(?:tell me |remind me |remember )?"
    r"(?:what|which question) (?:did|have|had) (?P<who>i|you) (?P<just>just )?"
    r"(?P<verb>ask|say|said|tell|told|write|answer|reply|replied|send)(?:ed|ten)?"
    rf"(?: (?:to )?(?:me|you))?(?: (?:at |in |to )?(?:the |my )?{ORDER}(?: (?:that|this|now))?)*"
    r"(?: so far| again)?"
)
WAS = (
    r"(?:(?:can|could|do) you )?(?:please )?(?:tell me |remind me |remember |repeat )?"
    rf"(?:what (?:is|was) )?(?P<who>my|your|the) (?:very )?{ORDER} (?P<verb>question|message"
    r"|answer|reply|response|statement|thing)(?: (?:that )?(?P<who2>i|you) \w+(?: (?:me|you))?)?"
    r"(?: before that)?"
)
AGAIN = r"(?:please )?(?:repeat that|say that again|come again|what was that)"
SPOKEN = [re.compile(pattern, re.IGNORECASE) for pattern in (SAID, WAS, AGAIN)]
POSITIONS = {"first": 0, "beginning": 0, "start": 0, "second": 1, "third": 2, "before": -2}
COUNT = re.compile(
    r"how many (?P<what>messages|questions|items|things|times)\b"
    r".*\b(?:i|you|me|so far|sent|there|in)\b"
    r".*\b(?:send|sent|ask|asked|say|said|write|wrote|written|tell|told|get|got|received|have|see"
    r"|so far|session|conversation|request|chat|history)\b",
    re.IGNORECASE,
)


def about_the_talk(question: str, talk: Conversation) -> str | None:
    """The answer to "what did I ask first?" and the like."""
    if count := COUNT.match(question):
        return _count(count["what"].lower(), talk)
    found = [one for one in (pattern.fullmatch(question) for pattern in SPOKEN) if one]
    if not found:
        return None
    groups = found[0].groupdict()
    verb = (groups.get("verb") or "").lower()
    order = (groups.get("order") or "last").lower()
    mine = (groups.get("who2") or groups.get("who") or "you").lower() in ("i", "my")
    if mine and verb in ("tell", "told") and not (groups.get("order") or groups.get("just")):
        return None
    asked = verb in ("ask", "question")
    earlier = talk.said[:-1]
    if mine and asked:
        earlier = [text for text in earlier if any(one.asks for one in clauses(text))]
    texts = earlier if mine else talk.replies
    position = POSITIONS.get(order, -1)
    if mine and talk.items == 1:
        return SAY["nothing_asked" if asked else "nothing_said"]
    if not -len(texts) <= position < len(texts):
        return SAY["none"].format(counted(talk.items, "item"))
    if not groups:
        return texts[position]
    name = "you_asked" if asked and mine else "you_said" if mine else "i_said"
    return SAY[name].format(quoted(texts[position]))


def _count(what: str, talk: Conversation) -> str:
    if what == "items":
        return SAY["items"].format(counted(talk.items, "item"))
    if what != "questions":
        return SAY["count"].format(counted(talk.messages, "message"))
    asked = sum(any(one.asks for one in clauses(text)) for text in talk.said)
    return SAY["count"].format(counted(asked, "question"))


def summary(talk: Conversation) -> str:
    """A line for each earlier statement, question, fact of a reply and tool output, as said."""
    lines = []
    for text in talk.said[:-1]:
        for clause in clauses(text):
            if SUMMARIZE.match(clause.text):
                continue
            if clause.asks and not about_the_talk(clause.text, talk):
                lines.append(SAY["summary_asked"].format(f"{clause.text}?"))
            elif not clause.asks and not quick_answer(clause):
                lines.append(SAY["summary_said"].format(f"{clause.text}."))
    lines += [
        SAY["summary_replied"].format(as_sentence(turn_around(fact.text)))
        for fact in facts(talk.evidence)
        if fact.replied
    ]
    lines += [
        SAY["summary_tool"].format(quoted(" ".join(out.split()))) for out in talk.tool_outputs
    ]
    return "\n".join(lines) or SAY["no_summary"]
