"""Messages that need no memory: greetings, thanks, and skills that the offline model lacks."""

from __future__ import annotations

import re

from session_lab.offline.arithmetic import calculate
from session_lab.offline.clauses import Clause
from session_lab.offline.wording import SAY

SMALL_TALK = {
    "hello": r"(?:hi|hello|hey|hiya|greetings|good (?:morning|afternoon|evening))"
    r"(?: (?:there|again|everyone|assistant))?",
    "fine": r"how are you.*|how is it going",
    "forget": r"(?:(?:can|could|will) you )?(?:please )?(?:forget|delete|erase|clear) "
    r"(?:it|that|this|me|my|all|everything|the|what|about)\b.*",
    "thanks": r"(?:(?:many|ok|okay|cool|great|nice|perfect|no|yes),? )*"
    r"(?:thanks|thank you|thx|cheers)\b.{0,40}",
    "bye": r"(?:good)?bye|see you.{0,20}|good night",
    "ok": r"ok|okay|yes|no|sure|fine|great|cool|nice|alright|got it|never mind|perfect"
    r"|good|maybe|i see|lol|haha|wow|hm+"
    r"|that is (?:right|correct|all)|(?:nice|pleased|good) to meet you",
    "self": r"(?:who|what) are you|tell me about yourself|what is your name|what can you do"
    r"|help(?: me)?"
    r"|are you (?:an? )?(?:ai|bot|robot|human|real|chatgpt|gpt|model|offline).*"
    r"|(?:what|which) (?:ai |language )?model are you.*|can you help me.*"
    r"|(?:how|where) do you (?:work|live).*|do you have a name",
}
SMALL_TALK_PATTERN = re.compile(
    "|".join(f"(?P<{name}>{pattern})" for name, pattern in SMALL_TALK.items()), re.IGNORECASE
)
SKILL = re.compile(
    r"(?:(?:can|could|will|would) you |i (?:want|need) you to |help me )?(?:please )?"
    r"(?:(?:write|draw|translate|explain|compose|generate|create|code|fix|debug|suggest|recommend|describe|compare"
    r"|plan|draft|rewrite|book|send|search|design|imagine|invent|sing|play)\b(?! is\b| was\b)"
    r"|(?:tell|give) me an? (?:joke|story|poem|recipe|riddle|example)|how do (?:i|you)\b)",
    re.IGNORECASE,
)


def small_talk(text: str) -> str | None:
    """The answer to a greeting and the like."""
    found = SMALL_TALK_PATTERN.fullmatch(text) if len(text) <= 80 else None
    return SAY[found.lastgroup] if found and found.lastgroup else None


def quick_answer(clause: Clause) -> str | None:
    """The answer that needs no memory: small talk, a calculation, or a skill that is missing."""
    text = clause.text
    return small_talk(text) or calculate(text) or (SAY["real_model"] if SKILL.match(text) else None)
