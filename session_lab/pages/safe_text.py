"""Text from people and models, made safe to show.

Streamlit renders Markdown in labels and captions: an image in a name would be fetched from wherever
it points to, and a session called `**x**` would not show as typed.
"""

from __future__ import annotations

import json
import re
import time

from session_lab.history.items import kind, one_line, whole

SHOWN_CHARACTERS = 4000
"""Longer messages are cut; the rest is one click away."""

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&^=])")
_SYMBOL = re.compile(r"(?<!\S)([-<>~])(?=[-=>](?!\S))|:(?=material/|streamlit:)")
"""What Streamlit draws as a symbol or an icon, escaped or not: `->`, `>=`, `:material/home:`."""
_WORD_JOINER = "\u2060"
_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""They turn the direction of what follows, also of the sentence that a name stands in."""
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U0001efff]")
_ISOLATE = "\u2068{}\u2069"


def as_typed(text: str, width: int = 200) -> str:
    """Markdown that shows `text` as it was typed, on one line of at most `width` characters."""
    line = re.sub(r"\s*[^\S ]\s*", " ", whole(text).strip())
    line = line if len(line) <= width else line[: width - 1] + "…"
    line = _CONTROLS.sub("\ufffd", line)
    # HTML would show two spaces as one.
    line = _SYMBOL.sub(rf"\g<0>{_WORD_JOINER}", line).replace("  ", " \u00a0")
    line = _MARKDOWN.sub(r"\\\1", line)
    return _ISOLATE.format(line) if _RIGHT_TO_LEFT.search(line) else line


def item_line(item: object, width: int) -> str:
    """Markdown that names an item, whatever JSON it is, in at most about `width` characters."""
    return f"**{as_typed(kind(item), 40)}** {as_typed(one_line(item, width), width)}"


def is_json(text: str) -> bool:
    """Whether a text is a JSON object or list, as a whole."""
    try:
        return text.startswith(("{", "[")) and isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


def fetches_nothing(markdown: str) -> bool:
    """Whether Streamlit's Markdown of a text holds no image and no diagram, for certain.

    An image begins with these two characters everywhere in Markdown, and HTML is shown as text.
    """
    return "![" not in markdown and "mermaid" not in markdown.casefold()


def age(updated: float) -> str:
    """How long ago, in words. `updated` is in seconds since the epoch, 0 if it is not known."""
    if updated <= 0:
        return "at an unknown time"
    seconds = int(max(0, time.time() - updated))
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return "just now"


def count_of(number: int, noun: str) -> str:
    """`1 item`, `2 items`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
