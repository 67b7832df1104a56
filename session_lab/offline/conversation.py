"""The texts of one request, sorted by who said them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from session_lab.offline.wording import SAY


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

    def add_summary(self, summary: str) -> None:
        """Take the lines of a summary as the user's own."""
        for line in summary.splitlines():
            text = line.removeprefix("- ").removeprefix("User said: ").removeprefix("User asked: ")
            for pattern, own in USER_IN_SUMMARY:
                text = pattern.sub(own, text)
            if line.startswith(SAY["summary_tool"].format("")):
                self.tool_outputs.append(line.removeprefix(SAY["summary_tool"].format("")))
            elif text.strip():
                self.said.append(text)
                self.texts.append(text)


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
