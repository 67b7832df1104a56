"""The texts of one request, sorted by who said them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from session_lab.offline.wording import SAY


@dataclass(frozen=True)
class Evidence:
    """A text that may tell of the user."""

    text: str
    replied: bool = False


@dataclass
class Conversation:
    """The texts of one request. What a summary tells counts as said by the user."""

    items: int
    """How many items the request holds."""
    messages: int = 0
    """How many of them are the user's messages."""
    said: list[str] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    """What both said, in order: what "it" and "that state" can point at."""
    tool_outputs: list[str] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    """What tells of the user, the strongest last. The last is the user's if anything of his is."""

    def add_message(self, text: str) -> None:
        self.said.append(text)
        self.texts.append(text)
        self.evidence.append(Evidence(text))

    def add_reply(self, text: str, tells_of_the_user: bool = True) -> None:
        """Take a reply as weaker evidence than the message it answers, and than all later ones."""
        self.replies.append(text)
        self.texts.append(text)
        if tells_of_the_user:
            self.evidence.insert(len(self.evidence) - bool(self.said), Evidence(text, replied=True))

    def add_summary(self, summary: str) -> None:
        """Take the lines of a summary as the user's own."""
        for line in summary.splitlines():
            text = line.removeprefix("- ").removeprefix("User said: ").removeprefix("User asked: ")
            for pattern, own in USER_IN_SUMMARY:
                text = pattern.sub(own, text)
            if line.startswith(TOOL_LINE):
                self.tool_outputs.append(line.removeprefix(TOOL_LINE))
            elif line.startswith(REPLY_LINE):
                self.add_reply(line.removeprefix(REPLY_LINE))
            elif text.strip():
                self.add_message(text)


TOOL_LINE = SAY["summary_tool"].format("")
REPLY_LINE = SAY["summary_replied"].format("")
USER_IN_SUMMARY = [
    (re.compile(pattern, re.IGNORECASE), own)
    for pattern, own in (
        (r"\b(?:the )?user's\b", "my"),
        (r"\b(?:the )?user is\b", "I am"),
        (r"\b(?:the )?user has\b", "I have"),
        (r"\b(?:the )?user was\b", "I was"),
        (r"\b(?:the )?user (\w+[^\Ws])s\b", r"I \1"),
    )
]
