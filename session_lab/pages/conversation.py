"""A conversation as a page shows it: messages, folded tool items, and replies as they come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from session_lab.history.items import Item, ending, is_hosted, kind, text_of, tool_name
from session_lab.history.report import TurnReport
from session_lab.pages.components import copy_button
from session_lab.pages.open_lab import wait_for
from session_lab.pages.safe_text import (
    SHOWN_CHARACTERS,
    as_typed,
    count_of,
    fetches_nothing,
    is_json,
)
from session_lab.runs.progress import LoopProgress
from session_lab.runs.session_log import LiveTurn
from session_lab.store.database import Row

MARKDOWN = "markdown"
"""The key of the switch that shows replies as Markdown."""


def as_written(text: str) -> None:
    """A text as it is stored, character by character."""
    # `st.text` would take away the spaces that a text begins with.
    st.html(f'<div class="as-written">{escape(text)}</div>')


def show_text(text: str, key: str, draw: Callable[[str], object] = as_written) -> None:
    """A message, however long."""
    draw(text[:SHOWN_CHARACTERS])
    if len(text) > SHOWN_CHARACTERS:
        rest = st.expander(f"Show all {len(text):,} characters", on_change="rerun", key=key)
        if rest.open:
            with rest:
                draw(text)


def show_reply(text: str, key: str) -> None:
    """A reply as it is stored: JSON as code, and Markdown drawn where that is wanted and safe."""
    wants_markdown = st.session_state.get(MARKDOWN)
    if is_json(text):
        show_text(text, key, partial(st.code, language="json", wrap_lines=True))
    elif wants_markdown and fetches_nothing(text):
        show_text(text, key, st.markdown)
    else:
        show_text(text, key)
        if wants_markdown:
            st.caption("As written: its Markdown may hold a picture or a diagram.")


def show_tool(item: Any) -> None:
    """A tool call or its output, folded."""
    calls = kind(item) == "tool call" or is_hosted(item)
    name = tool_name(item) if calls else text_of(item)
    icon = ":material/build:" if calls else ":material/output:"
    label = f"{as_typed(kind(item).capitalize(), 40)}: {as_typed(name, 60)}"
    with st.chat_message("tool", avatar=":material/build:"), st.expander(label, icon=icon):
        st.code(text_of(item)[:SHOWN_CHARACTERS], language=None, wrap_lines=True)


def show_rows(
    rows: Sequence[Row],
    reports: Sequence[TurnReport],
    key: str = "conversation",
    on_request: Callable[[TurnReport], None] | None = None,
) -> None:
    """The conversation: each message in place, tool items folded, each reply with its label.

    With `on_request`, a button under each recorded reply shows the turn's request.
    """
    by_row = {row: report for report in reports for row in report.stored}
    for row in rows:
        what, row_key, report = kind(row.item), f"{key}-{row.id:d}", by_row.get(row.id)
        if row.item is None:
            st.caption(f"Row {row.id:d} holds no readable item; the SDK skips it.")
        elif what == "user":
            with st.chat_message("user"):
                show_text(text_of(row.item), row_key)
        elif what == "assistant":
            with st.chat_message("assistant"):
                show_reply(text_of(row.item), row_key)
                why = (
                    None
                    if report
                    else "Imported, added by hand, by another program, or before a crash."
                )
                told = filter(None, (ending(row.item), reply_label(report)))
                st.caption(" · ".join(told), help=why)
                with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                    if report is not None and on_request is not None:
                        st.button(
                            "Request",
                            key=f"show-{row_key}",
                            type="tertiary",
                            on_click=on_request,
                            args=(report,),
                        )
                    copy_button(text_of(row.item), f"copy-{row_key}")
        else:
            show_tool(row.item)


def reply_label(report: TurnReport | None) -> str:
    """Who wrote a reply and what it cost, in one line."""
    if report is None:
        return "Not recorded"
    about = "about " if report.estimated else ""
    return (
        f"**{as_typed(report.agent)}** · {count_of(len(report.stored), 'item')} stored · {about}"
        f"{report.input_tokens:,} tokens in, {report.output_tokens:,} out · {report.seconds:.1f} s"
    )


def live_reply(live: LiveTurn, place: DeltaGenerator) -> Callable[[], None]:
    """Draw a question there, and return what draws the tool items and the reply as they come."""
    with place:
        if live.text is not None:
            with st.chat_message("user"):
                as_written(live.text[:SHOWN_CHARACTERS])
        tools = st.container()
        with st.chat_message("assistant"):
            reply = st.empty()
    drawn: list[Item] = []

    def draw() -> None:
        # Drawn in any case: only a script that draws is interrupted for the next press.
        with tools:
            for item in live.tools[len(drawn) :]:
                show_tool(item)
                drawn.append(item)
        with reply.container():
            if live.reply:
                # Cut here: what `show_reply` offers for more is a widget, and this is drawn often.
                show_reply(live.reply[:SHOWN_CHARACTERS], f"live-{live.session_id}")
            else:
                st.caption(f"{as_typed(live.agent)} is thinking…")

    return draw


def follow(
    running: LoopProgress, stop: DeltaGenerator, draws: Sequence[Callable[[], object]]
) -> None:
    """Draw what comes, with a button in the place `stop`, until all is done or stopped."""
    stop.button(
        "Stop",
        icon=":material/stop_circle:",
        on_click=lambda: wait_for(running.stop()),
        key="stop",
    )
    for _ in running.follow():
        for draw in draws:
            draw()
    st.rerun()
