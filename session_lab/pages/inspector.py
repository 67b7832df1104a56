"""The inspector beside the conversation: items, request, code and rows of one session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from html import escape
from typing import Any, cast

import streamlit as st

from session_lab.code_view.actions import EditItem, PopItem, UndoTurn, snippet
from session_lab.code_view.agents import AgentName
from session_lab.code_view.script import script
from session_lab.history.items import Item, kind, one_line, text_to_edit, without_base64
from session_lab.history.policies import MemoryPolicy
from session_lab.history.report import WINDOW, ModelCall, TurnReport
from session_lab.history.rules import Finding
from session_lab.models.offline import estimate_tokens
from session_lab.pages import dialogs
from session_lab.pages.open_lab import shown_errors, wait_for
from session_lab.pages.safe_text import as_typed, count_of, item_line
from session_lab.pages.tab import Tab, ask
from session_lab.runs.lab import Lab
from session_lab.runs.session_log import Change
from session_lab.store.database import SHOWN_TABLES, Row, SessionInfo

TABS = ("Items", "Sent to model", "Code", "Database")
PER_PAGE = 20
HEIGHT = 585
"""As high as the conversation with its title and buttons, so that the page itself never scrolls."""


def show_inspector(
    lab: Lab, tab: Tab, info: SessionInfo, agent: AgentName, policy: MemoryPolicy, *, is_busy: bool
) -> None:
    """Only the open tab is computed. While a reply is written it shows what was there before."""
    tabs = dict(zip(TABS, st.tabs(TABS, key="inspector", on_change="rerun"), strict=True))
    with shown_errors():
        for name, place in tabs.items():
            if place.open:
                with place, st.container(height=HEIGHT, border=False, key="inspector-panel"):
                    _show_tab(name, lab, tab, info, agent, policy, is_busy=is_busy)


def _show_tab(
    name: str,
    lab: Lab,
    tab: Tab,
    info: SessionInfo,
    agent: AgentName,
    policy: MemoryPolicy,
    *,
    is_busy: bool,
) -> None:
    if name == "Items":
        show_items(lab, tab, info, is_busy=is_busy)
    elif name == "Sent to model":
        show_sent(lab, info, agent, policy, is_busy=is_busy)
    elif name == "Code":
        show_code(lab, info)
    else:
        show_database(lab, info)


# -- Items ----------------------------------------------------------------------------------


def show_items(lab: Lab, tab: Tab, info: SessionInfo, *, is_busy: bool) -> None:
    """What `await session.get_items()` returns, the newest page first."""
    pages = max(1, -(-info.item_count // PER_PAGE))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{count_of(info.item_count, 'item')}: `await session.get_items()`")
        st.button(
            "Add item",
            icon=":material/add:",
            disabled=is_busy,
            on_click=ask,
            args=(tab, partial(dialogs.add_dialog, lab, tab)),
        )
    page = 1
    if pages > 1:
        page = st.pagination(pages, max_visible_pages=3, key=f"items-{info.session_id}-{pages}")
        st.caption("Page 1 holds the newest items.")
    rows = lab.catalog.database(info.session_id).rows(info.session_id, last=page * PER_PAGE)
    found = lab.findings(info.session_id)
    left = len(rows) - (page - 1) * PER_PAGE
    for index, row in enumerate(rows[: max(0, left)][-PER_PAGE:]):
        position = info.item_count - len(rows) + max(0, left - PER_PAGE) + index
        _show_item(lab, tab, info, row, position, found.get(row.id), is_busy=is_busy)
    if not rows:
        st.info("Nothing is stored yet. The first message stores two items: yours and the reply.")


def _show_item(
    lab: Lab,
    tab: Tab,
    info: SessionInfo,
    row: Row,
    position: int,
    finding: Finding | None,
    *,
    is_busy: bool,
) -> None:
    """One line; the JSON and what can be done with the item on demand."""
    label = f"{position + 1:d} · {item_line(row.item, 60)}"
    if finding is not None:
        label += f" :orange[:material/warning: {as_typed(finding.problem)}]"
    line = st.expander(label, key=f"item-{row.id}", on_change="rerun", type="compact")
    if not line.open:
        return
    with line:
        if finding is not None:
            st.caption(as_typed(f"{finding.problem} {finding.remedy}"))
        st.json(without_base64(row.item) if row.item is not None else {"unreadable": row.data})
        with st.container(horizontal=True, gap="small"):
            can_edit = text_to_edit(row.item) is not None and not is_busy
            st.button(
                "Edit",
                key=f"edit-{row.id}",
                disabled=not can_edit,
                on_click=ask,
                args=(tab, lambda _: dialogs.edit_dialog(lab, tab, info.session_id, row)),
            )
            st.button(
                "Fork from here",
                key=f"fork-{row.id}",
                disabled=is_busy,
                on_click=ask,
                args=(
                    tab,
                    lambda _: dialogs.fork_dialog(lab, tab, info.session_id, position + 1),
                ),
            )


# -- Sent to model --------------------------------------------------------------------------


def show_sent(
    lab: Lab, info: SessionInfo, agent: AgentName, policy: MemoryPolicy, *, is_busy: bool
) -> None:
    """Stored beside sent: of the last turn, as recorded, or of the next one, as a dry run."""
    report = lab.report(info.session_id)
    options = ["Next message"] + (["Last turn"] if report is not None and report.calls else [])
    which = st.segmented_control(
        "Request", options, default=options[-1], required=True, key=f"which-{len(options)}"
    )
    if which == "Last turn" and report is not None:
        show_last_turn(report)
    elif is_busy:
        st.caption("A reply is being written. The preview is back when it is done.")
    else:
        text = st.text_input(
            "If you sent this now", "(your next message)", key="preview", max_chars=500
        )
        call = wait_for(lab.preview(info.session_id, text or " ", agent, policy))
        rows = lab.catalog.database(info.session_id).rows(info.session_id, last=WINDOW)
        stored = {row.id: cast(Item, row.item) for row in rows if row.is_item}
        st.caption("A dry run of the SDK: nothing is stored and no model is called.")
        show_request(call, stored, info.item_count, "next-message")


def show_last_turn(report: TurnReport) -> None:
    st.html(workflow(report))
    show_calls(report, "last-turn")


def show_calls(report: TurnReport, key: str) -> None:
    """The requests of one turn, as they were recorded."""
    for call in report.summary_calls:
        items = count_of(len(call.input), "item")
        with st.expander(f"First, a request for the summary: {items}", icon=":material/compress:"):
            for item in call.input[-PER_PAGE:]:
                _show_line(item, None)
    number = 1
    if len(report.calls) > 1:
        options = range(1, len(report.calls) + 1)
        number = st.segmented_control(
            "Model call", options, default=1, required=True, key=f"model-call-{key}"
        )
        st.caption("A tool was called: the SDK asked the model again, with the tool's output.")
    call = report.calls[number - 1]
    show_request(call, report.before, report.count_before, key)


def workflow(report: TurnReport) -> str:
    """A picture of the four steps of a run with a session, with this turn's counts."""
    before, stored = report.count_before, len(report.stored)
    steps = (
        ("1 Retrieve", f"{before:,} stored"),
        ("2 Prepend", f"{count_of(len(report.calls[0].input), 'item')} sent"),
        ("3 Run", count_of(len(report.calls) + len(report.summary_calls), "model call")),
        ("4 Store", f"{stored:,} new, now {before + stored:,}"),
    )
    box = "flex:1;border:1px solid #80808080;border-radius:6px;padding:4px 2px;text-align:center"
    boxes = [f'<div style="{box}"><b>{step}</b><br/>{count}</div>' for step, count in steps]
    row = "display:flex;align-items:center;gap:4px;font-size:0.8rem;line-height:1.3"
    return f'<div style="{row}">{"<span>→</span>".join(boxes)}</div>'


def show_request(call: ModelCall, stored: Mapping[int, Item], stored_count: int, key: str) -> None:
    """The meter, then the two lists side by side. `stored` are the newest items by row ID."""
    reasons = call.reasons()
    not_sent = [item for row, item in stored.items() if reasons.get(row) is not None]
    older = stored_count - len(stored)
    st.html(meter(call.input, not_sent))
    with st.expander("Instructions of the agent", icon=":material/description:"):
        st.text(call.instructions or "(none)")
    kept, sent = st.columns(2)
    with kept:
        st.markdown(f"**Stored**: {count_of(stored_count, 'item')}")
        if older > 0:
            st.caption(f"{older:,} older items are not listed here.")
        for row in list(stored)[-PER_PAGE:]:
            _show_line(stored[row], reasons.get(row))
    with sent:
        st.markdown(f"**Sent**: {count_of(len(call.input), 'item')}")
        for item in call.input[-PER_PAGE:]:
            _show_line(item, None)
    with st.expander("The request's input as JSON", key=f"json-{key}", on_change="rerun") as raw:
        if raw.open:
            st.json(without_base64(call.input), expanded=1)


def _show_line(item: Item, reason: str | None) -> None:
    line = item_line(item, 70)
    if reason is None:
        st.markdown(f":small[{line}]")
    else:
        st.markdown(f":small[:gray[~~{line}~~ {as_typed(reason)}]]")


def meter(sent: Sequence[Item], not_sent: Sequence[Item]) -> str:
    """The request as a bar: one segment for each item, as wide as its estimated tokens."""
    sent_tokens = [max(1, estimate_tokens([item])) for item in sent]
    out_tokens = [max(1, estimate_tokens([item])) for item in not_sent]
    segments = [
        _segment(item, tokens, "#1c83e1") for item, tokens in zip(sent, sent_tokens, strict=True)
    ] + [
        _segment(item, tokens, "#a3a8b4") for item, tokens in zip(not_sent, out_tokens, strict=True)
    ]
    sent_text = f"About {sum(sent_tokens):,} tokens of items sent"
    out_text = f"{sum(out_tokens):,} left out" if not_sent else ""
    label = escape(", ".join(filter(None, (sent_text, out_text))))
    bar = "display:flex;gap:1px;height:14px;border-radius:4px;overflow:hidden;width:100%"
    return (
        f'<div role="img" aria-label="{label}" style="{bar}">{"".join(segments)}</div>'
        f'<div style="font-size:0.85rem;margin-top:4px">'
        f'<span style="color:#1c83e1">■</span> {sent_text}'
        + (f' <span style="color:#a3a8b4">■</span> {out_text}' if not_sent else "")
        + " (estimate; instructions and tools come on top)</div>"
    )


def _segment(item: Item, tokens: int, color: str) -> str:
    title = escape(f"{kind(item)}: {one_line(item, 60)} (about {tokens} tokens)", quote=True)
    return f'<div title="{title}" style="flex:{tokens};background:{color};min-width:1px"></div>'


# -- Code -----------------------------------------------------------------------------------


def show_code(lab: Lab, info: SessionInfo) -> None:
    """The SDK calls behind what was just done, and all of them as one program."""
    actions = wait_for(lab.actions(info.session_id))
    if not actions:
        st.info("Do something, such as sending a message: the SDK code behind it appears here.")
        return
    st.caption(
        "The SDK code behind what you just did. It runs as shown, on a database of its own "
        "(conversations.db), so it begins without this session's items."
    )
    if isinstance(actions[-1], EditItem | UndoTurn | PopItem):
        st.caption(
            "The lab changed the rows in one transaction of its own, so that all of it or nothing "
            "is done; the code below has the same outcome with the calls that the SDK has."
        )
    st.code(snippet(actions[-1], info.session_id, info.storage), language="python", wrap_lines=True)
    st.download_button(
        "Download as script",
        script(actions),
        file_name=dialogs.file_name(info.session_id, "py"),
        mime="text/x-python",
        icon=":material/download:",
        on_click="ignore",
    )
    st.caption(
        f"One program with {count_of(len(actions), 'action')} of this session. "
        "Run in an empty folder, it rebuilds the items; each run stands above what it stored."
    )


# -- Database -------------------------------------------------------------------------------


def show_database(lab: Lab, info: SessionInfo) -> None:
    """This session's rows, with what the last action added or removed marked."""
    database = lab.catalog.database(info.session_id)
    change = lab.change(info.session_id)
    where = lab.catalog.file_name(info.storage)
    st.caption(f"SQLite database {as_typed(where)}, rows of this session only, the newest first.")
    rows = database.rows(info.session_id, last=PER_PAGE * 2)
    if change != Change():
        done = (("added", change.added), ("removed", change.removed), ("edited", change.edited))
        told = [f"{count_of(len(rows), 'row')} {word}" for word, rows in done if rows]
        st.caption(f"Last action: {', '.join(told)}.")
    marked = [_row_cells(row, "- removed") for row in change.removed[-PER_PAGE * 2 :]]
    marks = dict.fromkeys(change.added, "+ added") | dict.fromkeys(change.edited, "~ edited")
    marked += [_row_cells(row, marks.get(row.id, "")) for row in rows]
    marked.sort(key=lambda cells: int(cells["id"]), reverse=True)
    st.markdown(f"**agent_messages**: {count_of(info.item_count, 'row')}")
    if marked:
        st.dataframe(marked, hide_index=True, height=min(35 * len(marked) + 38, 330))
    else:
        st.caption("No rows.")
    for table in SHOWN_TABLES:
        found = database.table_rows(info.session_id, table)
        st.markdown(f"**{table}**: {count_of(len(found), 'row')}")
        if found:
            st.dataframe(_utc(found), hide_index=True, height=min(35 * len(found) + 38, 180))
    st.caption("The SDK writes agent_messages and agent_sessions; the lab adds the tables lab_*.")


def _utc(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with the SDK's times named as what they are."""
    times = ("created_at", "updated_at")
    return [{f"{k} (UTC)" if k in times else k: v for k, v in row.items()} for row in rows]


def _row_cells(row: Row, mark: str) -> dict[str, Any]:
    return {
        "last action": mark,
        "id": row.id,
        "message_data": row.data[:300],
        "created_at (UTC)": row.created_at,
    }
