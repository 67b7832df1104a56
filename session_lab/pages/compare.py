"""Compare: a message to two sessions, or to one under two policies, or a whole conversation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import cast

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from session_lab.code_view.agents import AGENT_NAMES, AgentName, make_agent
from session_lab.history.policies import MemoryPolicy
from session_lab.history.report import TurnReport
from session_lab.models.offline import estimate_around, estimate_tokens
from session_lab.pages.components import read_aloud
from session_lab.pages.conversation import follow, live_reply, show_rows
from session_lab.pages.inspector import chosen_call
from session_lab.pages.isolation_view import show_proof, show_untouched
from session_lab.pages.open_lab import open_lab, shown_errors, wait_for
from session_lab.pages.recall_view import show_recall
from session_lab.pages.safe_text import as_typed, count_of, item_line
from session_lab.pages.session_choice import LISTED, choose_session, storage_badge
from session_lab.pages.sidebar import policy_choice
from session_lab.pages.strip import show_strip, tokens_of
from session_lab.pages.tab import Tab, carry_out, show_outcome, this_tab
from session_lab.runs.compare import (
    EXAMPLES,
    SIX_TURNS,
    Comparison,
    compare_policies,
    compare_sessions,
    create_examples,
    create_six_turns,
    verdict,
)
from session_lab.runs.lab import Lab
from session_lab.runs.outlook import recorded
from session_lab.runs.session_log import LiveTurn
from session_lab.store.database import CatalogError, SessionInfo

SESSIONS, POLICIES, RECALL = MODES = ("Two sessions", "Two memory policies", "Recall")
SHOWN_ROWS = 4
SHOWN_ADDED = 8
SHOWN_SENT = 25
QUESTION = "What is my name?"
MESSAGE = "message-both"
"""The key of the input."""


@dataclass(frozen=True)
class Choice:
    """What is compared. Both infos are the same session when two policies are."""

    infos: tuple[SessionInfo, SessionInfo]
    policies: tuple[MemoryPolicy, MemoryPolicy]

    @property
    def is_one_session(self) -> bool:
        return self.infos[0].session_id == self.infos[1].session_id

    @property
    def key(self) -> tuple[object, ...]:
        """A result is shown as long as this stays the same."""
        return (*(info.session_id for info in self.infos), *self.policies)


def main() -> None:
    lab, tab = open_lab(), this_tab()
    with shown_errors():
        is_recall = st.session_state.get("mode") == RECALL
        what = "One conversation, four memories" if is_recall else "One message, two memories"
        st.markdown(f"#### {what}")
        with st.container():  # One place, however much it says: what is below must not move.
            show_outcome(tab)
            mode, agent, search = choose_mode(lab, tab)
            choose = {SESSIONS: choose_sessions, POLICIES: choose_policies}.get(mode)
            choice = choose(lab, search) if choose else None
        # The comparison of this tab that belongs to what is chosen, running or done.
        known: dict[object, Comparison] = st.session_state.setdefault("comparison", {})
        comparison = known.get(choice.key) if choice is not None else None
        if tab.said_to_both:
            comparison = begin_what_was_said(lab, tab, choice, comparison, agent)
            if choice is not None and comparison is not None:
                known.clear()
                known[choice.key] = comparison
        if mode == RECALL:
            show_recall(lab, agent)
            return
        # Drawn in any case: what is typed into an input that the last script left out is lost.
        # In a container it stays where it is, and the page does not scroll to its end.
        with st.container():
            st.chat_input(
                "Message both",
                key=MESSAGE,
                disabled=comparison is not None and not comparison.is_done,
                on_submit=say_both,
                args=(tab,),
            )
        if choice is None:
            return
        below_input = st.empty()
        if comparison is None:
            below_input.button(QUESTION, on_click=say_both, args=(tab, QUESTION))
        show(lab, choice, comparison, below_input)


def say_both(tab: Tab, text: str | None = None) -> None:
    """A callback that notes a message until a script sends it: `text`, or what was typed."""
    if text is None or text not in tab.said_to_both:  # Else it was pressed twice.
        carry_out(tab, lambda: tab.said_to_both.append(text or st.session_state[MESSAGE]))


def choose_mode(lab: Lab, tab: Tab) -> tuple[str, AgentName, str]:
    """The mode, the agent and a search for sessions, and the two examples."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        mode = st.segmented_control(
            "Compare", MODES, default=SESSIONS, required=True, key="mode", bind="query-params"
        )
        agent = cast(AgentName, st.selectbox("Agent", AGENT_NAMES, key="compare-agent", width=160))
        search = ""
        if mode != RECALL:
            if lab.catalog.count() > LISTED:
                search = st.text_input("Find a session", placeholder="Title, ID or text", width=260)
            for label, make in (
                ("Create two users", make_two_users),
                ("Create a six-turn example", make_six_turns),
            ):
                st.button(label, on_click=carry_out, args=(tab, partial(make, lab)))
    return mode, agent, search


def make_two_users(lab: Lab) -> None:
    """Two sessions that know different things, chosen."""
    wait_for(create_examples(lab))
    st.session_state["mode"] = SESSIONS
    st.session_state["compare-first"], st.session_state["compare-second"] = EXAMPLES


def make_six_turns(lab: Lab) -> None:
    """A session whose first turn holds a name, and two policies of which one has lost it."""
    wait_for(create_six_turns(lab))
    st.session_state["mode"] = POLICIES
    st.session_state["compare-copied"] = SIX_TURNS
    st.session_state["memory-a"] = "Everything"
    st.session_state["memory-b"], st.session_state["memory-b-turns"] = "Last N turns", 2.0


def choose_sessions(lab: Lab, search: str) -> Choice | None:
    """None as long as there are not two to compare, and then the page says why."""
    if (count := lab.catalog.count()) < 2:
        one = "one session" if count else "no session yet"
        examples = " and ".join(f"`{key}` is told: {text}" for key, text in EXAMPLES.items())
        st.info(
            f"There is {one}, and a comparison needs two. `Create two users` makes two that know "
            f"different things: {examples} Then ask both: {QUESTION}"
        )
        return None
    left, right = st.columns(2)
    with left:
        first = choose_session(lab, "First session", "compare-first", 0, search)
    with right:
        second = choose_session(lab, "Second session", "compare-second", 1, search)
    if first is None or second is None:
        st.caption(f"No session contains {as_typed(search, 60)}.")
        return None
    if first.session_id == second.session_id:
        st.warning("This is one session twice. Choose two, or compare two memory policies.")
        return None
    if "Opened" in (first.storage, second.storage):
        st.info(
            "A session of another program is only read. Fork it in Chat, or compare two memory "
            "policies: those ask copies."
        )
        return None
    return Choice((first, second), (MemoryPolicy(), MemoryPolicy()))


def choose_policies(lab: Lab, search: str) -> Choice | None:
    """None as long as there is no session to copy, and then the page says why."""
    place, left, right = st.columns(3)
    with place:
        session = choose_session(lab, "Session", "compare-copied", 0, search)
    if session is None:
        st.info("No session matches. Say something in Chat first, or search for another.")
        return None
    with left:
        first = policy_choice("Memory of copy A", "memory-a")
    with right:
        second = policy_choice("Memory of copy B", "memory-b", start=1, items=2)
    place.caption("Two copies in memory are asked, and removed then. The session stays as it is.")
    return Choice((session, session), (first, second))


def begin_what_was_said(
    lab: Lab, tab: Tab, choice: Choice | None, running: Comparison | None, agent: AgentName
) -> Comparison | None:
    """Start what was asked for. What can't be sent is back in the input."""
    text = tab.said_to_both.pop()  # No Streamlit call until it is begun: it could end the script.
    if choice is None:
        why = "Choose what to compare."
    elif running is not None and not running.is_done:
        if text == running.text:
            return running  # It was pressed twice.
        why = "The replies are being written."
    elif not text.strip():
        return running
    else:
        try:
            return wait_for(begin(lab, choice, text, agent))
        except CatalogError as error:
            why = as_typed(str(error))
    st.session_state[MESSAGE] = text
    st.toast(f"{why} What you typed waits in the input.")
    return running


async def begin(lab: Lab, choice: Choice, text: str, agent: AgentName) -> Comparison:
    ids = (choice.infos[0].session_id, choice.infos[1].session_id)
    if choice.is_one_session:
        return await compare_policies(lab, ids[0], choice.policies, text, agent)
    return await compare_sessions(lab, ids, text, agent, choice.policies[0])


def show(lab: Lab, choice: Choice, comparison: Comparison | None, stop: DeltaGenerator) -> None:
    """The two sides, and below them what the rows say."""
    if comparison is None and choice.is_one_session:
        show_stored(lab, choice.infos[0], "stored")
        return
    with st.container(key="verdict"):
        if comparison is not None and comparison.is_done:
            st.markdown(f"**{as_typed(verdict(comparison), 400)}**")
            read_aloud("verdict", "Result")
    places = st.columns(2, gap="medium")
    for letter, place, info, policy in zip(
        "AB", places, choice.infos, choice.policies, strict=True
    ):
        head = f"{as_typed(info.title, 60)} {storage_badge(info)}"
        head = as_typed(str(policy)) if choice.is_one_session else head
        place.markdown(f"##### {letter}: {head}")
    if comparison is None:
        for number, place in enumerate(places):
            with place:
                show_stored(lab, choice.infos[number], f"side-{number}")
    else:
        sides = list(zip(comparison.sides, places, strict=True))
        if not comparison.is_done:
            follow(comparison, stop, [live_reply(side, place) for side, place in sides])
        scale = max(tokens_before(side) for side, _ in sides)
        for number, (side, place) in enumerate(sides):
            with place:
                show_side(side, f"side-{number}", choice.is_one_session, scale)
        if comparison.problem:
            st.error(as_typed(comparison.problem, 400))
    if not choice.is_one_session:
        show_proof(lab, choice.infos, comparison)
    elif comparison is not None:
        show_untouched(lab, choice.infos[0], comparison)


def tokens_before(side: LiveTurn) -> int:
    """Of what was stored before the turn, estimated."""
    report = side.report
    return estimate_tokens(list(report.before.values())) if report is not None else 0


def show_side(side: LiveTurn, key: str, is_copy: bool, scale: int) -> None:
    """The turn as it was stored, then its requests, then its rows."""
    report = side.report
    show_rows(side.added, [report] if report is not None else [], key)
    if report is not None and report.error is not None:
        st.error(as_typed(report.error, 600), icon=":material/error:")
        if not is_copy and side.question_row is not None:
            st.caption("The question is stored without an answer: Chat offers Retry and Remove.")
    if report is not None and report.calls:
        show_calls(report, key, scale)
    st.markdown(f"**Stored by this turn**: {count_of(len(side.added), 'item')}")
    for row in side.added[:SHOWN_ADDED]:
        st.markdown(f":small[row {row.id:d} · {item_line(row.item, 60)}]")


def show_calls(report: TurnReport, key: str, scale: int) -> None:
    """The requests of one turn, as they were recorded. The strip is `scale` tokens wide."""
    call = chosen_call(report, key)
    cells = recorded(call, report.before)
    tools = make_agent(cast(AgentName, report.agent), None).tools
    around = estimate_around(call.instructions, tools)
    places = call.sent()
    # Up to the last stored item: what comes then is the message and what it led to.
    sent = estimate_tokens(call.input[: max(places.values(), default=0)])
    show_strip(
        cells,
        f"{len(places):,} of {report.count_before:,} stored items were sent, about "
        f"{around + sent:,} of {around + tokens_of(cells):,} tokens.",
        scale,
    )
    st.markdown(f"**Stored**: {count_of(report.count_before, 'item')}")
    st.markdown(f"**Sent**: {count_of(len(call.input), 'item')}")
    for reason, count in Counter(call.not_sent().values()).items():
        st.caption(f"Stored only: {count_of(count, 'item')}. {as_typed(reason)}")
    for place, item in [*enumerate(call.input, 1)][-SHOWN_SENT:]:
        st.markdown(f":small[{place:d} · {item_line(item, 70)}]")


def show_stored(lab: Lab, info: SessionInfo, key: str) -> None:
    """The end of the conversation, before anything is sent."""
    database = lab.catalog.database(info.session_id)
    rows = database.rows(info.session_id, last=SHOWN_ROWS)
    count = count_of(info.item_count, "item")
    st.caption(f"{count} stored" + (", the newest:" if info.item_count > len(rows) else ":"))
    show_rows(rows, database.reports(info.session_id, rows[0].id if rows else 0), key)


main()
