"""Text from people and models, made safe to show.

Streamlit renders Markdown in labels and messages: an image in a reply would be fetched from
wherever it points to, and a session called `**x**` would not show as typed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from session_lab.history.items import kind, one_line

SHOWN_CHARACTERS = 4000
"""Longer messages are cut; the rest is one click away."""

_FENCE = re.compile(r"^(```+|~~~+)[ \t]*([\w+-]*)[^\n`]*\n(.*?)(?:^\1[`~]*[ \t]*$|\Z)", re.M | re.S)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&^=])")
_SYMBOL = re.compile(r"(?<!\S)([-<>~])(?=[-=>](?!\S))|:(?=material/|streamlit:)")
"""What Streamlit draws as a symbol or an icon, escaped or not: `->`, `>=`, `:material/home:`."""
_WORD_JOINER = "\u2060"
_ACTIVE = re.compile(r"(?<![\\`])(`+)(?!`)[^\n]*?(?<!`)\1(?!`)|(?<!\\)(?:\$|:(?=[\w-]+[\[{]))")
"""A code span, where a backslash would be seen, or else a `$` or a `:` that starts something."""


def as_typed(text: str, width: int = 200) -> str:
    """Markdown that shows `text` as it was typed, on one line of at most `width` characters."""
    line = re.sub(r"\s*[^\S ]\s*", " ", _whole(text).strip())
    line = line if len(line) <= width else line[: width - 1] + "…"
    # HTML would show two spaces as one.
    line = _SYMBOL.sub(rf"\g<0>{_WORD_JOINER}", line).replace("  ", " \u00a0")
    return _MARKDOWN.sub(r"\\\1", line)


def item_line(item: object, width: int) -> str:
    """Markdown that names an item, whatever JSON it is, in at most about `width` characters."""
    return f"**{as_typed(kind(item), 40)}** {as_typed(one_line(item, width), width)}"


def safe_parts(text: str) -> Iterator[tuple[str, str | None]]:
    """Cut a reply into (text, language): language is None for Markdown, else it is a code block.

    However a code block is cut out, the Markdown parts contain no image, so nothing is fetched.
    """
    text = _whole(text)
    start = 0
    for fence in _FENCE.finditer(text):
        yield _without_images(text[start : fence.start()]), None
        yield fence.group(3).rstrip("\n"), fence.group(2)
        start = fence.end()
    yield _without_images(text[start:]), None


def _whole(text: str) -> str:
    """Without lone surrogates: half characters, which some programs store and no page can show."""
    return text.encode(errors="replace").decode()


def _without_images(text: str) -> str:
    """Markdown without images, diagrams, formulas and Streamlit's `:color[...]` directives."""
    text = re.sub(r"(`{3,}|~{3,})([ \t]*)mermaid", r"\1\2text", text, flags=re.IGNORECASE)
    text = re.sub(r"!(?=\\*\[)", "!" + _WORD_JOINER, text)
    # But not in the port of an address: the link would lead nowhere.
    text = re.sub(r":(?!\d+/)(?=[\w-]+[:/])", ":" + _WORD_JOINER, text)
    return _ACTIVE.sub(lambda found: found[0] if found[1] else "\\" + found[0], text)


def age(updated: float) -> str:
    """How long ago, in words. `updated` is in seconds since the epoch."""
    seconds = max(0, time.time() - updated)
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    if seconds < 86400:
        return f"{int(seconds // 3600)} h ago"
    return f"{int(seconds // 86400)} d ago"


def count_of(number: int, noun: str) -> str:
    """`1 item`, `2 items`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
