"""The inspector beside the conversation: memory, code and rows of one session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import streamlit as st

from session_lab.code_view.actions import EditItem, PopItem, UndoTurn, snippet
from session_lab.code_view.agents import AgentName, make_agent
from session_lab.code_view.script import script
from session_lab.history.items import one_line, text_of, text_to_edit, without_base64
from session_lab.history.report import ModelCall, TurnReport
from session_lab.history.rules import Finding
from session_lab.pages import dialogs
from session_lab.pages.open_lab import shown_errors, wait_for
from session_lab.pages.safe_text import as_typed, count_of, item_line
from session_lab.pages.strip import show_strip, tokens_of
from session_lab.pages.tab import Tab, ask
from session_lab.runs.lab import Lab
from session_lab.runs.outlook import Outlook, recorded
from session_lab.runs.session_log import Change
from session_lab.store.database import SHOWN_TABLES, Row, SessionInfo, contains

TABS = ("Memory", "Code", "Database")
NEXT = 0
"""The choice `Next message` in `Request`; a turn is chosen by the ID of its first row."""
PER_PAGE = 25
TURNS = 100
"""How many of the newest turns `Request` offers."""
HEIGHT = 585
"""As high as the conversation with its title and buttons, so that the page itself never scrolls."""
LIST_HEIGHT = 380


def show_inspector(
    lab: Lab,
    tab: Tab,
    info: SessionInfo,
    agent: AgentName,
    outlook: Outlook | None,
    *,
    is_busy: bool,
) -> None:
    """Only the open tab is computed. While a reply is written it shows what was there before."""
    tabs = dict(zip(TABS, st.tabs(TABS, key="inspector", on_change="rerun"), strict=True))
    show = {
        "Memory": partial(show_memory, lab, tab, info, agent, outlook, is_busy=is_busy),
        "Code": partial(show_code, lab, info),
        "Database": partial(show_database, lab, info),
    }
    with shown_errors():
        for name, place in tabs.items():
            if place.open:
                with place, st.container(height=HEIGHT, border=False, key="inspector-panel"):
                    show[name]()


# -- Memory ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One stored item as it stands to a request: its places, from 1 on, and what is to say."""

    position: int
    row: int
    item: Any
    place: int | None
    reason: str
    finding: Finding | None = None


def request_key(session_id: str) -> str:
    """The key of the choice whose request is shown."""
    return f"request-{session_id}"


def show_memory(
    lab: Lab,
    tab: Tab,
    info: SessionInfo,
    agent: AgentName,
    outlook: Outlook | None,
    *,
    is_busy: bool,
) -> None:
    """One list in time order: each item is sent, or stored only, and why."""
    if outlook is None:
        st.caption("A reply is being written. The list is here when it is done.")
        return
    turns = _turns(lab, info)
    key = request_key(info.session_id)
    if st.session_state.get(key) not in (NEXT, *turns):  # An undone turn, say.
        st.session_state[key] = NEXT
    positions = {cell.row: place for place, cell in enumerate(outlook.cells, 1)}
    rows = {cell.row: cell.item for cell in outlook.cells}
    options = [NEXT, *reversed(turns)]
    choice, find = st.columns([3, 2])
    chosen = (
        choice.selectbox(
            "Request", options, format_func=lambda row: _name(row, positions, rows), key=key
        )
        or NEXT
    )
    search = find.text_input("Find in memory", key="find-in-memory", icon=":material/search:")
    if chosen == NEXT:
        call, lines = outlook.call, _next_lines(outlook)
    else:
        call, lines = _call_of(turns[chosen]), []
        lines = _turn_lines(turns[chosen], call, outlook)
    found = [line for line in lines if contains(text_of(line.item), search)] if search else lines
    st.caption(_heading(len(lines), len(found), call, is_next=chosen == NEXT))
    show_lines(lab, tab, info, found, is_busy=is_busy)
    st.button(
        "Add item",
        icon=":material/add:",
        disabled=is_busy,
        on_click=ask,
        args=(tab, partial(dialogs.add_dialog, lab, tab)),
    )
    if chosen != NEXT:
        st.html(workflow(turns[chosen]))
        for summary in turns[chosen].summary_calls:
            told = count_of(len(summary.input), "item") if summary.input else "not kept"
            st.caption(f"First, a request for the summary: {told}.")
    show_around(call, agent)


def _turns(lab: Lab, info: SessionInfo) -> dict[int, TurnReport]:
    """The newest turns that are recorded, by their first row, oldest first."""
    database = lab.catalog.database(info.session_id)
    newest = database.rows(info.session_id, last=4 * TURNS)
    known = database.reports(info.session_id, newest[0].id if newest else 0)
    last = lab.report(info.session_id)
    reports = [*known, *([last] if last is not None else [])]
    return {each.stored[0]: each for each in reports if each.stored and each.calls}


def _name(row: int, positions: dict[int, int], rows: dict[int, Any]) -> str:
    if row == NEXT:
        return "Next message"
    said = one_line(rows[row], 40) if row in rows else "(gone)"
    return f"{positions.get(row, 0)}: {said}"


def _call_of(report: TurnReport, key: str = "") -> ModelCall:
    number = 1
    if len(report.calls) > 1:
        number = st.segmented_control(
            "Model call",
            range(1, len(report.calls) + 1),
            default=1,
            required=True,
            key=f"model-call-{key}{report.stored[0]}",
            help="A tool was called: the SDK asked the model again, with the tool's output.",
        )
    return report.calls[number - 1]


def _next_lines(outlook: Outlook) -> list[Line]:
    return [
        Line(position, cell.row, cell.item, cell.place, f"Stored only. {cell.reason}", cell.finding)
        for position, cell in enumerate(outlook.cells, 1)
    ]


def _turn_lines(report: TurnReport, call: ModelCall, outlook: Outlook) -> list[Line]:
    """What is left of the items that were there at that turn, and those that it stored."""
    reasons, own = call.reasons(), set(report.stored)
    unknown = "Not recorded: there were too many newer items."
    return [
        Line(
            position,
            cell.row,
            cell.item,
            call.sent.get(cell.row),
            "Stored by this turn."
            if cell.row in own
            else f"Stored only. {reasons.get(cell.row, unknown)}",
        )
        for position, cell in enumerate(outlook.cells, 1)
        if cell.row <= report.stored[-1]
    ]


def _heading(count: int, found: int, call: ModelCall, *, is_next: bool) -> str:
    shown = f"{found:,} of {count_of(count, 'item')}" if found != count else count_of(count, "item")
    sent = "would be sent" if is_next else "were sent"
    newest = " Page 1 holds the newest." if found > PER_PAGE else ""
    return f"{shown}, {len(call.sent):,} {sent}.{newest}"


def show_lines(
    lab: Lab, tab: Tab, info: SessionInfo, lines: Sequence[Line], *, is_busy: bool
) -> None:
    """A page of the list, the newest in view."""
    if not lines:
        st.info("Nothing is here. The first message stores two items: yours and the reply.")
        return
    pages = -(-len(lines) // PER_PAGE)
    page = 1
    if pages > 1:
        page = st.pagination(pages, max_visible_pages=3, key=f"lines-{info.session_id}-{pages}")
    end = len(lines) - (page - 1) * PER_PAGE
    shown = lines[max(0, end - PER_PAGE) : end]
    new = lab.change(info.session_id).added
    height: int | Literal["content"] = LIST_HEIGHT if len(shown) > 6 else "content"
    with st.container(height=height, border=False, autoscroll=True, key="lines"):
        for line in shown:
            _show_line(lab, tab, info, line, is_new=line.row in new, is_busy=is_busy)


def _label(line: Line, *, is_new: bool) -> str:
    place = f" (sent as {line.place})" if line.place not in (None, line.position) else ""
    state = ":blue[sent]"
    if line.place is None:
        state = f":gray[{as_typed(line.reason)}]"
    if line.finding is not None:
        state = f":orange[:material/warning: {as_typed(line.finding.problem)}]"
    badge = " :blue-badge[new]" if is_new else ""
    return f"{line.position:d}{place} · {item_line(line.item, 60)} {state}{badge}"


def _show_line(
    lab: Lab, tab: Tab, info: SessionInfo, line: Line, *, is_new: bool, is_busy: bool
) -> None:
    """One line; the JSON and what can be done with the item on demand."""
    label = _label(line, is_new=is_new)
    fold = st.expander(label, key=f"item-{line.row}", on_change="rerun", type="compact")
    if not fold.open:
        return
    row = next(
        iter(lab.catalog.database(info.session_id).rows(info.session_id, after=line.row - 1)), None
    )
    if row is None or row.id != line.row:
        return  # It has just gone.
    with fold:
        if line.finding is not None:
            st.caption(as_typed(f"{line.finding.problem} {line.finding.remedy}"))
        st.json(without_base64(row.item) if row.item is not None else {"unreadable": row.data})
        with st.container(horizontal=True, gap="small"):
            st.button(
                "Edit",
                key=f"edit-{row.id}",
                disabled=text_to_edit(row.item) is None or is_busy,
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
                    lambda _: dialogs.fork_dialog(lab, tab, info.session_id, line.position),
                ),
            )


def workflow(report: TurnReport) -> str:
    """A picture of the four steps of a run with a session, with this turn's counts."""
    before, stored, call = report.count_before, len(report.stored), report.calls[0]
    sent = len(call.input) or len(call.sent) + 1
    steps = (
        ("1 Retrieve", f"{before:,} stored before this turn"),
        ("2 Prepend", f"{count_of(sent, 'item')} sent"),
        ("3 Run", count_of(len(report.calls) + len(report.summary_calls), "model call")),
        ("4 Store", f"{stored:,} new, then {before + stored:,}"),
    )
    box = "flex:1;border:1px solid #80808080;border-radius:6px;padding:4px 2px;text-align:center"
    boxes = [f'<div style="{box}"><b>{step}</b><br/>{count}</div>' for step, count in steps]
    row = "display:flex;align-items:center;gap:4px;font-size:0.8rem;line-height:1.3"
    return f'<div style="{row}">{"<span>→</span>".join(boxes)}</div>'


def show_calls(report: TurnReport, key: str, scale: int = 0) -> None:
    """The requests of one turn, as they were recorded. `scale` is that of the strip, in tokens."""
    call = _call_of(report, key)
    cells = recorded(call, report.before)
    sent = [cell for cell in cells if cell.place is not None]
    show_strip(
        cells,
        f"{len(sent):,} of {report.count_before:,} stored items were sent, about "
        f"{tokens_of(sent):,} of {tokens_of(cells):,} tokens.",
        scale,
    )
    st.markdown(f"**Stored**: {count_of(report.count_before, 'item')}")
    st.markdown(f"**Sent**: {count_of(len(call.input), 'item')}")
    for reason, rows in call.not_sent.items():
        st.caption(f"Stored only: {count_of(len(rows), 'item')}. {as_typed(reason)}")
    for place, item in enumerate(call.input[-PER_PAGE:], max(1, len(call.input) - PER_PAGE + 1)):
        st.markdown(f":small[{place:d} · {item_line(item, 70)}]")


def show_around(call: ModelCall, agent: AgentName) -> None:
    """What goes with the items: instructions and tools."""
    with st.expander("Instructions and tools", icon=":material/description:"):
        st.text(call.instructions or "(none)")
        for tool in make_agent(agent, None).tools:
            st.caption(
                f"Tool **{as_typed(tool.name)}**: {as_typed(getattr(tool, 'description', ''))}"
            )
    if call.input:
        with st.expander("The request's input as JSON", key="json", on_change="rerun") as raw:
            if raw.open:
                st.json(without_base64(call.input), expanded=1)


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
