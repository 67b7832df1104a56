"""Which earlier statement answers a question.

There is no understanding here: a statement answers if it holds the words that the question asks
for, and the newest such statement wins.
"""

from __future__ import annotations

import re

from session_lab.offline.clauses import FIRST_PERSON, VERBS, YES_OR_NO, Clause, shape
from session_lab.offline.words import STOP_WORDS, concepts, stem, words

NOT_A_JOB = (
    r"(?:big |huge |great |bit )*(?:vegetarian|vegan|fan|lover|man|woman|girl|boy|person|mother"
    r"|father|mum|mom|dad|parent|twin|hurry|bit|lot|morning|night|member|citizen|good|bad|little)"
)
A_STATE = (
    r"(?:\w+(?:ing|ed|ful|less|able|ous|ish|ian)|happy|sad|fine|good|well|ok|okay|hungry|sick|ill"
    r"|back|here|ready|sorry|done|lost|busy|vegan|single|late|sure|new|old|in|at|on|from)\b"
)
NATIONALITIES = (
    "American|British|English|Irish|Scottish|French|German|Dutch|Spanish|Italian|Norwegian|Swedish"
    "|Danish|Finnish|Polish|Russian|Chinese|Japanese|Korean|Indian|Canadian|Australian|Greek|Swiss"
)
SELF = {
    "name": r"my (?:full |first |real |given |new )?name is (?!not\b)"
    rf"|(?-i:[Ii] am (?!{NATIONALITIES})(?![a-z])(?=[^\W\d_])"
    r"|[Ii] am .*\b(?:named|called) [^\Wa-z]"
    rf"|i am (?!{A_STATE})[a-z]+(?:$| from\b))",
    "work": r"(?:i|we) (?:now |also |currently )*work\b|my (?:new |current |day )?"
    r"(?:job|work|profession|occupation)\b|i am (?:now |also |currently )*"
    rf"(?:working|employed|(?:an?|the) (?!{NOT_A_JOB}\b))"
    r"|i (?:got|started|took|quit|lost|changed|left) (?:my|a|the) .*\bjob\b",
    "live": r"(?:i|we) (?:just |now |have |recently |currently |used to )*"
    r"(?:live|moved|reside|come from)\b"
    r"|i am (?:.*\b)?(?:based|living|from)\b|my (?:new |current )?(?:home|house|address|city|town)"
    r" is",
    "place": r"i am (?:currently |now |back )?(?:in|at) ",
    "age": r"i am (?:now |almost |only )*\d+(?:$|,| and\b| now\b| years?\b)|my age is"
    r"|i (?:just )?turned \d",
}
"""What a statement about its speaker looks like; it answers a question that asks for no more."""

NUMBER_WORDS = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty"
EVIDENCE = {
    "name": r"(?-i:(?:\b(?:is|are|was|IS)|\bhave .*,|\b[Mm]y [a-z]+) (?![a-z])(?=[^\W\d_])"
    r"|^[^\Wa-z\d_][\w-]* is my )",
    "work": r"\b(?:is|are|as) (?:an?|the) ",
    "live": r"\b(?:in|at|to|from|near)\b",
    "place": r"\b(?:in|at|to|from|near|on|under|behind|beside|next|here|home)\b",
    "age": rf"\d|\b(?:{NUMBER_WORDS})\b",
    "time": r"\d|\b(?:mon|tues|wednes|thurs|fri|satur|sun|to|yester)day|\b(?:to(?:morrow|night)"
    r"|noon|midnight|night|morning|afternoon|evening|week|month|year|january|february|march|april|may|june|july"
    r"|august|september|october|november|december|before|after|spring|summer|autumn|winter)\b",
    "number": rf"\d|\b(?:an?|no|{NUMBER_WORDS})\b",
    "kind": r"",
}
"""What a statement must hold if it lacks the general word that was asked for."""


NAMED_NOUN = re.compile(r"[a-z] [A-Z]\w*\W*$")
"""The end of "my wife Anna"."""
OF_SOMEBODY = frozenset({"live", "work", "age"})
I_DO = re.compile(r"(?:\w+ )?(?:i|we) (?!have\b)", re.IGNORECASE)
""" "I flew to Rome with my sister" does not say where she lives; "I have a sister in Rome" does."""
RELATIVE = re.compile(r" who ", re.IGNORECASE)
"""In "I know a man who has a cat" the cat isn't mine."""
IS_MINE = re.compile(r"\b(?:is|are) my (?!\w+'s)", re.IGNORECASE)
VERB = re.compile(VERBS, re.IGNORECASE)
SUBJECT_END = re.compile(r"\b(?:with|of|in|on|for|from|to|at|about)\b|,", re.IGNORECASE)
NEGATION = re.compile(r"\b(?:not|no|never|none|nobody|nothing)\b", re.IGNORECASE)
DOUBT = re.compile(
    r"\b(?:want|wish|might|maybe|may|perhaps|would|could|hope|plan|if|used to|had|was|were)\b",
    re.IGNORECASE,
)
PAST = re.compile(r"\b(?:used to|lived|worked|formerly|previously|before)\b", re.IGNORECASE)
TIME_WORDS = concepts("time day date")
FROM = re.compile(r"\bfrom\b", re.IGNORECASE)
ORIGIN = re.compile(r"\b(?:am|is|are|comes?) from\b", re.IGNORECASE)
GENERAL = frozenset(EVIDENCE)
SELF_PATTERNS = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in SELF.items()}
EVIDENCE_PATTERNS = {name: re.compile(text, re.IGNORECASE) for name, text in EVIDENCE.items()}
ASKED = {
    "name": r"\bwho (?:am i|i am)(?=$|,| (?:again|now|really)\b)|\bam i called\b",
    "work": r"\bwhat (?:do|does) (?!you\b)(?!.*\bto do\b)(?:\S+ ){1,3}do\b"
    r"(?! (?:on|in|at|about|with)\b)",
    "age": r"\bhow old\b",
    "time": r"\bwhen\b|\bwhat (?:is the )?(?:time|day|date)\b",
    "place": r"\bwhere\b",
    "number": r"\bhow (?:many|much)\b",
}
ASKED_PATTERNS = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in ASKED.items()}
REWORDED = (
    (
        re.compile(
            r"i (?:want|need|would like) to know|i wonder|i forgot|i can not remember", re.I
        ),
        "",
    ),
    (re.compile(r"mail address", re.I), "mail"),
    (re.compile(r"(?:first|full|given) name", re.I), "name"),
    (re.compile(r"for a living", re.I), "for work"),
)
"""Words that would count as asked for, though they aren't."""


def wanted(question: str) -> frozenset[str]:
    """What a question asks for: its concepts, and what its question word stands for."""
    for pattern, plain in REWORDED:
        question = pattern.sub(plain, question)
    asked = {name for name, pattern in ASKED_PATTERNS.items() if pattern.search(question)}
    return (concepts(question) - (TIME_WORDS if "time" in asked else frozenset())) | asked


def recall(question: str, known: list[Clause]) -> list[Clause]:
    """The newest statement that answers the question, or one for each "name and job"."""
    needs = wanted(question)
    specific = needs - GENERAL or needs & {"number", "kind"}
    own = bool(FIRST_PERSON.search(question))
    known = _still_true(known)
    if specific:
        found = [[fact for fact in known if _answers(fact, needs, specific, own)]]
    elif own:
        selves = [name for name in SELF_PATTERNS if name in needs]
        selves = selves if " and " in question else selves[:1]
        found = [[one for one in known if SELF_PATTERNS[name].match(one.text)] for name in selves]
    else:
        return []
    return [_best(question, needs, facts) for facts in found if facts]


def _best(question: str, needs: frozenset[str], facts: list[Clause]) -> Clause:
    """The newest; with a place or time if asked for one, and of the past only if asked for that."""
    for name in ("place", "time"):
        if name in needs:
            facts = [one for one in facts if EVIDENCE_PATTERNS[name].search(one.text)] or facts
    if not (NEGATION.search(question) or YES_OR_NO.match(question)):
        facts = [one for one in facts if not NEGATION.search(one.text)] or facts
    for asked, told in ((PAST, PAST), (FROM, ORIGIN)):
        asks = bool(asked.search(question))
        facts = [one for one in facts if bool(told.search(one.text)) is asks] or facts
    return facts[-1]


def _still_true(known: list[Clause]) -> list[Clause]:
    """Without what a later statement takes back: "I don't live in Oslo any more"."""
    denials = [(i, fact) for i, fact in enumerate(known) if NEGATION.search(fact.text)][-50:]
    return [
        fact
        for i, fact in enumerate(known)
        if not any(i < later and fact.concepts <= denial.concepts for later, denial in denials)
    ]


def _answers(fact: Clause, needs: frozenset[str], specific: frozenset[str], own: bool) -> bool:
    if not specific <= fact.concepts:
        return False
    missing = (needs & GENERAL) - fact.concepts
    if not all(EVIDENCE_PATTERNS[name].search(fact.text) for name in missing):
        return False
    if missing & OF_SOMEBODY and I_DO.match(fact.text):
        return False
    if own and not specific <= concepts(RELATIVE.split(fact.text, maxsplit=1)[0]):
        return False
    verb = VERB.search(fact.text)
    said_of_it = verb and specific <= concepts(fact.text[verb.end() :])
    return bool(said_of_it and (not own or IS_MINE.search(fact.text))) or _subject_fits(
        fact.text, needs
    )


def _subject_fits(text: str, needs: frozenset[str]) -> bool:
    """False for "my sister's cat is Mia" if the question is about a cat, but not the sister's."""
    verb = VERB.search(text)
    if not verb or re.match(r"(?:i|we|there)\b", text, re.IGNORECASE):
        return True
    subject = SUBJECT_END.split(text[: verb.start()], maxsplit=1)[0]
    owners = {stem(word) for word in words(subject) if word.endswith("'s")}
    heads = [stem(word) for word in words(subject) if word not in STOP_WORDS]
    heads = heads[-2:] if NAMED_NOUN.search(subject) else heads[-1:]
    return owners <= needs and (not heads or not GENERAL.union(needs).isdisjoint(heads))


def about(topic: str, known: list[Clause]) -> list[Clause]:
    """Every statement that mentions a topic."""
    needs = concepts(topic)
    return [fact for fact in known if needs and needs <= fact.concepts]


def latest(known: list[Clause]) -> list[Clause]:
    """The statements without those that a later one replaces ("My dog is ..." twice)."""
    return list({_replaced_by(fact): fact for fact in known}.values())


def _replaced_by(fact: Clause) -> str:
    """Equal for two statements of which the later one replaces the other."""
    for name in ("name", "age"):
        if SELF_PATTERNS[name].match(fact.text):
            return name
    subject, _, value = fact.text.partition(" is ")
    first = value.split(" ", 1)[0]
    return f"{subject} {first if first in STOP_WORDS else shape(value)}".lower()
