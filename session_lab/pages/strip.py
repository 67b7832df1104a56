"""The picture of a session's memory: every stored item, and what of it the next message takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import streamlit as st

from session_lab.history.items import kind, one_line
from session_lab.runs.outlook import Cell

SENT, STORED, FINDING = "#1c83e1", "#8a909c", "#d97706"
"""The one language of colours: what is sent, what is stored only, what breaks a rule."""
MOST_CELLS = 160
"""More items are drawn several to a cell."""


def show_strip(cells: Sequence[Cell], sentence: str, scale: int = 0) -> None:
    """One cell for each item, as wide as its tokens, then one for the next message; the sentence.

    `scale` is how many tokens the whole width stands for.
    """
    size = -(-len(cells) // MOST_CELLS) or 1
    drawn = [_cell(cells[start : start + size]) for start in range(0, len(cells), size)]
    draft = (
        f"flex:0 0 14px;border:1px dashed {SENT};border-radius:3px;margin-left:3px;"
        "box-sizing:border-box"
    )
    drawn.append(f'<div title="Your next message" style="{draft}"></div>')
    if (rest := scale - tokens_of(cells)) > 0:
        drawn.append(f'<div style="flex:{rest} 1 0"></div>')
    row = "display:flex;gap:1px;height:22px;width:100%;align-items:stretch"
    told = escape(sentence, quote=True)
    st.html(
        f'<div role="img" aria-label="{told}" style="{row}">{"".join(drawn)}</div>'
        f'<div style="font-size:0.875rem;margin-top:4px">{told}</div>'
    )


def tokens_of(cells: Iterable[Cell]) -> int:
    return sum(cell.tokens for cell in cells)


def _cell(cells: Sequence[Cell]) -> str:
    """Filled is sent, hollow is stored only, and a bar on top is a finding."""
    tokens = max(1, tokens_of(cells))
    share = round(100 * tokens_of(cell for cell in cells if cell.place is not None) / tokens)
    is_wrong = any(cell.finding is not None for cell in cells)
    edge = f"1px solid {SENT if share else STORED}"
    fill = f"linear-gradient(to top,{SENT} {share}%,transparent {share}%)"
    top = f";border-top:4px solid {FINDING}" if is_wrong else ""
    style = f"flex:{tokens} 1 0;min-width:2px;background:{fill};border:{edge};box-sizing:border-box"
    title = escape(_told(cells), quote=True)
    return f'<div title="{title}" style="{style};border-radius:2px{top}"></div>'


def _told(cells: Sequence[Cell]) -> str:
    first = cells[0]
    if len(cells) > 1:
        sent = sum(cell.place is not None for cell in cells)
        return f"{len(cells)} items, {sent} of them sent"
    state = "sent" if first.place is not None else f"stored only: {first.reason}"
    return f"{kind(first.item)}: {one_line(first.item, 60)} ({state}, about {first.tokens} tokens)"
