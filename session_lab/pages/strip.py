"""The picture of a session's memory: every stored item, and what of it the next message takes."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from session_lab.history.items import kind, one_line
from session_lab.runs.outlook import Cell

SENT, STORED, FINDING = "#1c83e1", "#8a909c", "#d97706"
"""The one language of colours: what is sent, what is stored only, what breaks a rule."""
MOST_CELLS = 160
"""More items are drawn several to a cell."""


def show_strip(cells: Sequence[Cell], sentence: str, scale: int = 0) -> None:
    """The strip with its sentence. `scale` is how many tokens the whole width stands for."""
    told = f'<div style="font-size:0.875rem;margin-top:4px">{escape(sentence)}</div>'
    st.html(strip(cells, sentence, scale) + told)


def strip(cells_of_items: Sequence[Cell], sentence: str, scale: int = 0) -> str:
    """One cell for each item, as wide as its tokens, and a last one for the next message."""
    bins = _bins(cells_of_items)
    total = tokens_of(cells_of_items)
    cells = [_cell(each) for each in bins]
    draft = (
        f"flex:0 0 14px;border:1px dashed {SENT};border-radius:3px;margin-left:3px;"
        "box-sizing:border-box"
    )
    cells.append(f'<div title="Your next message" style="{draft}"></div>')
    if scale > total:
        cells.append(f'<div style="flex:{scale - total} 1 0"></div>')
    row = "display:flex;gap:1px;height:22px;width:100%;align-items:stretch"
    label = escape(sentence, quote=True)
    return f'<div role="img" aria-label="{label}" style="{row}">{"".join(cells)}</div>'


def tokens_of(cells: Sequence[Cell]) -> int:
    return sum(cell.tokens for cell in cells)


def _bins(cells: Sequence[Cell]) -> list[Sequence[Cell]]:
    size = -(-len(cells) // MOST_CELLS) or 1
    return [cells[i : i + size] for i in range(0, len(cells), size)]


def _cell(cells: Sequence[Cell]) -> str:
    """Filled is sent, hollow is stored only, and a bar on top is a finding."""
    tokens = max(1, sum(cell.tokens for cell in cells))
    sent = sum(cell.tokens for cell in cells if cell.place is not None)
    share = round(100 * sent / tokens)
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
