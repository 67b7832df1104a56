"""The inspector beside the conversation: memory, code and rows of one session."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import streamlit as st

from session_lab.code_view.actions import EditItem, PopItem, UndoTurn
from session_lab.code_view.agents import AgentName, make_agent
from session_lab.code_view.script import saved_test, script, snippet
from session_lab.history.items import one_line, text_of, text_to_edit, without_base64
from session_lab.history.policies import MemoryPolicy
from session_lab.history.report import ModelCall, TurnReport
from session_lab.pages import dialogs
from session_lab.pages.dialog import dialog_button
from session_lab.pages.new_session_dialogs import fork_dialog
from session_lab.pages.open_lab import shown_errors, wait_for
from session_lab.pages.safe_text import as_typed, count_of, item_line
from session_lab.pages.tab import Tab
from session_lab.runs.lab import Lab
from session_lab.runs.outlook import Cell, Outlook
from session_lab.runs.session_log import Change
from session_lab.store.database import SessionInfo
from session_lab.store.search import contains

NEXT = 0
"""The choice `Next message` in `Request`; a turn is chosen by the ID of its first row."""
OWN = "Stored by this turn."
PER_PAGE = 25
SHOWN_ROWS = 50
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
    policy: MemoryPolicy,
    outlook: Outlook | None,
) -> None:
    """Only the open tab is computed. While a reply is written it shows what was there before."""
    tabs = st.tabs(("Memory", "Code", "Database"), key="inspector", on_change="rerun")
    shows = (
        partial(show_memory, lab, tab, info, agent, outlook),
        partial(show_code, lab, info, agent, policy, outlook),
        partial(show_database, lab, info),
    )
    with shown_errors():
        for place, show in zip(tabs, shows, strict=True):
            if place.open:
                with place, st.container(height=HEIGHT, border=False, key="inspector-panel"):
                    show()


# -- Memory ---------------------------------------------------------------------------------


def show_request_of(session_id: str, report: TurnReport) -> None:
    """A callback that shows the request of a turn in `Memory`."""
    st.session_state[f"request-{session_id}"] = report.stored[0]
    st.session_state["inspector"] = st.session_state["view"] = "Memory"


def show_memory(
    lab: Lab, tab: Tab, info: SessionInfo, agent: AgentName, outlook: Outlook | None
) -> None:
    """One list in time order: each item is sent, or stored only, and why."""
    if outlook is None:
        st.caption("A reply is being written. The list is here when it is done.")
        return
    cells = dict(enumerate(outlook.cells, 1))
    key = f"request-{info.session_id}"
    turns = _turns(lab, info, st.session_state.get(key, NEXT))
    asked = {n: cell for n, cell in cells.items() if cell.row in turns}  # Not an undone turn, say.
    names = {cell.row: f"{n}: {one_line(cell.item, 40)}" for n, cell in reversed(asked.items())}
    names = {NEXT: "Next message", **names}
    if st.session_state.get(key) not in names:
        st.session_state[key] = NEXT
    choice, find = st.columns([3, 2])
    chosen = choice.selectbox("Request", names, format_func=names.__getitem__, key=key) or NEXT
    search = find.text_input("Find in memory", key="find-in-memory", icon=":material/search:")
    call, report = outlook.call, turns.get(chosen)
    if report is not None:
        call = chosen_call(report)
        cells = _cells_of_turn(report, call, cells)
    found = {
        n: cell for n, cell in cells.items() if not search or contains(text_of(cell.item), search)
    }
    counted = count_of(len(cells), "item")
    counted = counted if len(found) == len(cells) else f"{len(found):,} of {counted}"
    sent = "would be sent" if report is None else "were sent"
    has_summary = outlook.has_summary if report is None else call.has_summary(report.policy)
    summary = " after a summary (2 items)" if has_summary else ""
    newest = " Page 1 holds the newest." if len(found) > PER_PAGE else ""
    st.caption(f"{counted}, {len(call.sent() | call.own):,} {sent}{summary}.{newest}")
    if search and not found:
        st.info(f"No item contains {as_typed(search, 60)}.")
    else:
        show_cells(lab, tab, info, found)
    dialog_button("Add item", lab, tab, dialogs.add_dialog, icon=":material/add:")
    if report is not None:
        st.markdown(workflow(report, call))
        for each in report.summary_calls:
            told = count_of(len(each.input), "item") if each.input else "not kept"
            st.caption(f"First, a request for the summary: {told}.")
    show_around(call, agent)


def _turns(lab: Lab, info: SessionInfo, chosen: int) -> dict[int, TurnReport]:
    """The chosen turn and the newest ones that are recorded, by first row, oldest first."""
    database = lab.catalog.database(info.session_id)
    newest = database.rows(info.session_id, last=4 * TURNS)
    known = database.reports(info.session_id, newest[0].id if newest else 0)
    last = lab.log(info.session_id).report
    # However old: it is chosen with `Request` below its reply.
    old = [] if chosen == NEXT else database.reports(info.session_id, chosen, 1)
    reports = [*old, *known, *([last] if last is not None else [])]
    return {each.stored[0]: each for each in reports if each.stored and each.calls}


def chosen_call(report: TurnReport, key: str = "") -> ModelCall:
    """One of the turn's requests; if there are several, a person chooses it."""
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


def _cells_of_turn(
    report: TurnReport, call: ModelCall, cells: Mapping[int, Cell]
) -> dict[int, Cell]:
    """What is left of the items that were there at that turn, and those that it stored."""
    sent, reasons = call.sent() | call.own, call.not_sent() | dict.fromkeys(report.stored, OWN)

    def then(cell: Cell) -> Cell:
        reason = reasons.get(cell.row, "Not recorded.")
        return replace(cell, place=sent.get(cell.row), reason=reason, finding=None)

    return {n: then(cell) for n, cell in cells.items() if cell.row <= report.stored[-1]}


def show_cells(lab: Lab, tab: Tab, info: SessionInfo, cells: Mapping[int, Cell]) -> None:
    """A page of the list, the newest in view. The items are numbered as they are stored."""
    if not cells:
        st.info("Nothing is here. The first message stores two items: yours and the reply.")
        return
    pages = math.ceil(len(cells) / PER_PAGE)
    page = 1
    if pages > 1:
        page = st.pagination(pages, max_visible_pages=3, key=f"lines-{info.session_id}-{pages}")
    end = len(cells) - (page - 1) * PER_PAGE
    shown = list(cells.items())[max(0, end - PER_PAGE) : end]
    new = lab.log(info.session_id).change.added
    height: int | Literal["content"] = LIST_HEIGHT if len(shown) > 6 else "content"
    with st.container(height=height, border=False, autoscroll=True, key="lines"):
        for number, cell in shown:
            label = _label(number, cell) + (" :blue-badge[new]" if cell.row in new else "")
            key = f"item-{cell.row}"
            fold = st.expander(label, key=key, on_change="rerun", type="compact")
            if fold.open:
                with fold:
                    show_item(lab, tab, info, number, cell)


def _label(number: int, cell: Cell) -> str:
    place = f" (sent as {cell.place})" if cell.place not in (None, number) else ""
    state = ":blue[sent]"
    if cell.place is None:
        state = cell.reason if cell.reason == OWN else f"Stored only. {cell.reason}"
        state = f":gray[{as_typed(state)}]"
    if cell.finding is not None:
        state = f":orange[:material/warning: {as_typed(cell.finding.problem)}]"
    return f"{number:d}{place} · {item_line(cell.item, 60)} {state}"


def show_item(lab: Lab, tab: Tab, info: SessionInfo, number: int, cell: Cell) -> None:
    """An item's JSON, and what can be done with it."""
    rows = lab.catalog.database(info.session_id).rows(info.session_id, after=cell.row - 1)
    row = next((row for row in rows if row.id == cell.row), None)
    if row is None:
        return  # It has just gone.
    if cell.finding is not None:
        st.caption(as_typed(f"{cell.finding.problem} {cell.finding.remedy}"))
    st.json(without_base64(row.item) if row.item is not None else {"unreadable": row.data})
    with st.container(horizontal=True, gap="small"):
        edit = partial(dialogs.edit_dialog, row=row)
        is_fixed = text_to_edit(row.item) is None
        dialog_button("Edit", lab, tab, edit, key=f"edit-{row.id}", disabled=is_fixed)
        fork = partial(fork_dialog, item_count=number)
        dialog_button("Fork from here", lab, tab, fork, key=f"fork-{row.id}")


def workflow(report: TurnReport, call: ModelCall) -> str:
    """The four steps of a run with a session, with this turn's counts, as a table in Markdown."""
    before, stored = report.count_before, len(report.stored)
    sent = count_of(len(call.sent() | call.own) + 2 * call.has_summary(report.policy), "item")
    calls = count_of(len(report.calls) + len(report.summary_calls), "model call")
    return (
        ":small[1 Retrieve]|:small[2 Prepend]|:small[3 Run]|:small[4 Store]\n:-:|:-:|:-:|:-:\n"
        f":small[{before:,} stored before this turn]|:small[{sent} sent]|:small[{calls}]|"
        f":small[{stored:,} new, then {before + stored:,}]"
    )


def show_around(call: ModelCall, agent: AgentName) -> None:
    """What goes with the items: instructions and tools."""
    with st.expander("Instructions and tools", icon=":material/description:"):
        st.text(call.instructions or "(none)")
        for tool in make_agent(agent, None).tools:
            st.caption(
                f"Tool **{as_typed(tool.name)}**: {as_typed(getattr(tool, 'description', ''))}"
            )
    if not call.input:
        st.caption("The JSON of a request is kept for the newest turn only, until the app ends.")
    else:
        with st.expander("The request's input as JSON", key="json", on_change="rerun") as raw:
            if raw.open:
                st.json(without_base64(call.input), expanded=1)


# -- Code -----------------------------------------------------------------------------------


def show_code(
    lab: Lab, info: SessionInfo, agent: AgentName, policy: MemoryPolicy, outlook: Outlook | None
) -> None:
    """The SDK calls behind what was just done, all of them as one program, and a test."""
    _show_actions(lab, info)
    if outlook is None:
        return
    items = [cell.item for cell in outlook.cells if cell.item is not None]
    sent = outlook.call.input[2 if outlook.has_summary else 0 : -1]
    test = saved_test(info.session_id, items, agent, policy, lab.api, sent)
    _download("Save as test", test, f"test_{info.session_id}", "science")
    st.caption(
        "For pytest: these items outlast a restart, and the next message sends what `Memory` says, "
        "to a model that `agents.testing` plays."
    )


def _show_actions(lab: Lab, info: SessionInfo) -> None:
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
    _download("Download as script", script(actions), info.session_id, "download")
    st.caption(
        f"One program with {count_of(len(actions), 'action')} of this session. "
        "Run in an empty folder, it rebuilds the items; each run stands above what it stored."
    )


def _download(label: str, program: str, name: str, icon: str) -> None:
    st.download_button(
        label,
        program,
        file_name=dialogs.file_name(name, "py"),
        mime="text/x-python",
        icon=f":material/{icon}:",
        on_click="ignore",
    )


# -- Database -------------------------------------------------------------------------------


def show_database(lab: Lab, info: SessionInfo) -> None:
    """This session's rows, with what the last action added or removed marked."""
    database = lab.catalog.database(info.session_id)
    change = lab.log(info.session_id).change
    where = lab.catalog.file_name(info.storage)
    st.caption(f"SQLite database {as_typed(where)}, rows of this session only, the newest first.")
    if change != Change():
        done = (("added", change.added), ("removed", change.removed), ("edited", change.edited))
        told = [f"{count_of(len(rows), 'row')} {word}" for word, rows in done if rows]
        st.caption(f"Last action: {', '.join(told)}.")
    marks = dict.fromkeys(change.added, "+ added") | dict.fromkeys(change.edited, "~ edited")
    marks |= {row.id: "- removed" for row in change.removed}
    rows = [*change.removed, *database.rows(info.session_id, last=SHOWN_ROWS)]
    rows = sorted(rows, key=lambda row: row.id, reverse=True)[: 2 * SHOWN_ROWS]
    messages = [
        {
            "last action": marks.get(row.id, ""),
            "id": row.id,
            "message_data": row.data[:300],
            "created_at": row.created_at,
        }
        for row in rows
    ]
    _show_table("agent_messages", info.item_count, messages, 330)
    for table, found in database.other_tables(info.session_id).items():
        _show_table(table, len(found), found, 180)
    st.caption("The SDK writes agent_messages and agent_sessions; the lab adds the tables lab_*.")


def _show_table(name: str, count: int, rows: Sequence[dict[str, Any]], height: int) -> None:
    """`height` is the highest, in pixels. The SDK's times are named as what they are."""
    st.markdown(f"**{name}**: {count_of(count, 'row')}")
    names = {"created_at": "created_at (UTC)", "updated_at": "updated_at (UTC)"}
    shown = [{names.get(column, column): value for column, value in row.items()} for row in rows]
    if shown:
        st.dataframe(shown, hide_index=True, height=min(35 * len(shown) + 38, height))
