"""The proof, from the rows, that two sessions have nothing of each other."""

from __future__ import annotations

import streamlit as st

from session_lab.pages.safe_text import as_typed, count_of
from session_lab.runs.compare import Comparison
from session_lab.runs.lab import Lab
from session_lab.store.database import SessionInfo
from session_lab.store.isolation import Search, prove

LISTED = 8


def show_proof(
    lab: Lab, infos: tuple[SessionInfo, SessionInfo], comparison: Comparison | None
) -> None:
    """That the two sessions have nothing of each other, with the queries that say so."""
    text = comparison.text if comparison is not None else ""
    proof = prove(lab.catalog, infos[0].session_id, infos[1].session_id, text)
    with st.container(border=True):
        st.markdown("##### Isolation, from the rows")
        told = "**No row belongs to both**: each row has one session ID, and the query counts 0."
        if proof.shared_rows is None:
            told = (
                "**No row belongs to both**: they lie in different databases. A row of each may "
                "have the same number, as two houses in different streets may."
            )
        elif proof.shared_rows:
            told = f"{count_of(proof.shared_rows, 'row')} belong to both."
        _say(told, not proof.shared_rows)
        if comparison is not None:
            _say(_about_message(comparison), True)
        for search in proof.searches:
            _say(_about_search(search), not search.found)
        if not proof.searches:
            st.caption("Tell each session something of its own, and it is looked for in the other.")
        if proof.newest:
            st.dataframe(proof.newest, hide_index=True, height=36 * len(proof.newest) + 38)
        queries = ";\n\n".join([proof.query, *(each.query for each in proof.searches)]) + ";"
        with st.expander("The queries", icon=":material/database:"):
            st.code(queries, language="sql", wrap_lines=True)


def show_untouched(lab: Lab, info: SessionInfo, comparison: Comparison) -> None:
    """That the session whose copies were asked still has the rows that it had."""
    now = lab.catalog.database(info.session_id).version(info.session_id)
    title = as_typed(info.title, 60)
    told = f"{title} has changed since: it was not this comparison that wrote there."
    if now == comparison.before:
        rows = f"{count_of(now.item_count, 'row')}, the last is row {now.last_row:d}"
        told = f"**{title} is as it was before**: {rows}."
    about = f"{_about_message(comparison)} Each copy is a database of its own in memory, so equal "
    with st.container(border=True):
        st.markdown("##### Isolation, from the rows")
        _say(told, now == comparison.before)
        _say(about + "numbers are different rows.", True)


def _say(text: str, holds: bool) -> None:
    st.markdown(f"{':green[:material/check:]' if holds else ':orange[:material/info:]'} {text}")


def _about_message(comparison: Comparison) -> str:
    first, second = (
        f"{'not stored' if side.question_row is None else f'row {side.question_row:d}'} in "
        f"{as_typed(side.session_id, 60)}"
        for side in comparison.sides
    )
    return f"“{as_typed(comparison.text, 60)}” is {first} and {second}."


def _about_search(search: Search) -> str:
    said = f"“{as_typed(search.text, 60)}” (row {search.row:d} of {as_typed(search.said_in, 60)})"
    if not search.found:
        return f"{said} stands in no row of {as_typed(search.looked_in, 60)}."
    rows = ", ".join(str(row) for row in search.found[:LISTED])
    return (
        f"{said} stands in {as_typed(search.looked_in, 60)} too, in row {rows}: a message to that "
        "session, a copy or an import stored it there as well."
    )
