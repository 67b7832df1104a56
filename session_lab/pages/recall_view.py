"""Recall: one conversation under each memory policy: what is still found, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import streamlit as st

from session_lab.code_view.agents import AgentName, make_agent
from session_lab.code_view.program import literal
from session_lab.history.items import is_user_message, text_of
from session_lab.pages.conversation import follow
from session_lab.pages.open_lab import wait_for
from session_lab.pages.safe_text import as_typed, count_of
from session_lab.pages.session_choice import choose_session
from session_lab.pages.strip import FINDING, SENT
from session_lab.runs.lab import Lab
from session_lab.runs.recall import (
    EIGHT_FACTS,
    POLICIES,
    Answer,
    Cost,
    Probe,
    Recall,
    planned_calls,
)
from session_lab.runs.turn import STOPPED
from session_lab.store.seen import all_seen

CONVERSATIONS = ("Eight facts, one a turn", "The user's messages of a session")
PROBES_HELP = "One a line: a question, `|`, and a text that the answer must hold."
FOUND = """The offline model finds whatever it was sent, so it loses only what was not sent. Only a
real model shows what is overlooked: “sent, not used”."""
REPEATED = """Repeated: the items that equal those of the request before, from its beginning on, by
estimated tokens. A prompt cache can reuse them."""
SUMMARIES = """The calls that write a summary count too. In a short conversation they can cost more
than the summary saves."""
CELL = "border:1px solid #80808060;padding:2px min(8px,0.6vw);text-align:left"
COLORS = {"✓ recalled": f"{SENT}40", "sent, not used": f"{FINDING}60"}
"""All else stays hollow. The words say what the colours say."""
LINES = {
    "color": ["#16a34a", "#8b5cf6", "#a67c00", "#e0449a"],
    "strokeDash": [[1, 0], [16, 8], [8, 16], [3, 5]],
    "shape": ["circle", "square", "diamond", "triangle-up"],
}
"""One line for each policy, drawn one over the other: where they are equal, all are seen.

None has a colour that the lab has a meaning for.
"""
PROGRAM = """import asyncio

from session_lab.code_view.agents import make_agent
from session_lab.models import choose_model
from session_lab.runs.recall import Probe, Recall

MESSAGES = [
    {messages}
]
PROBES = [
    {probes}
]


async def main():
    recall = Recall(make_agent("{agent}", choose_model()), MESSAGES, PROBES)
    await recall.ended()
    print(recall.csv(), end="")


asyncio.run(main())
"""


def show_recall(lab: Lab, agent: AgentName) -> None:
    # What is pressed is noted until a script has read what was typed just before.
    held: dict[str, Any] = st.session_state.setdefault("recall", {})
    recall: Recall | None = held.get("recall")
    is_busy = recall is not None and not recall.is_done
    messages, probes = choose(lab, is_busy=is_busy)
    # Pressed twice, it must not run twice: the first one would go on unseen, and cost as much.
    if held.pop("is_pressed", False) and messages and probes and not is_busy:
        recall = held["recall"] = wait_for(start(lab, agent, messages, probes))
    with st.container(horizontal=True, vertical_alignment="center"):
        if recall is None or recall.is_done:
            wish = {"is_pressed": True}
            st.button("Run", type="primary", key="run-recall", on_click=held.update, args=(wish,))
            st.markdown(_announced(len(messages), len(probes)))
        else:
            stop, bar = st.empty(), st.progress(recall.share_done, "Replaying")
            follow(recall, stop, [lambda: bar.progress(recall.share_done, "Replaying")])
    if recall and (recall.agent, recall.messages, recall.probes) == (agent, messages, probes):
        show_result(recall)
    with st.expander("Code", icon=":material/code:"):
        st.code(program(agent, messages, probes), language="python", wrap_lines=True)


async def start(
    lab: Lab, agent: AgentName, messages: Sequence[str], probes: Sequence[Probe]
) -> Recall:
    return Recall(make_agent(agent, lab.model), messages, probes)


def _announced(turns: int, probes: int) -> str:
    if not turns or not probes:
        return "Choose a session in which something was said, and type a probe."
    exact, summaries = planned_calls(POLICIES, turns, probes)
    return (
        f"Makes **{exact:,} model calls**: {count_of(turns, 'turn')} and "
        f"{count_of(probes, 'probe')} under each of {len(POLICIES)} policies. Up to {summaries:,} "
        "more write summaries, and a turn with a tool call takes one more."
    )


def choose(lab: Lab, *, is_busy: bool) -> tuple[tuple[str, ...], tuple[Probe, ...]]:
    """The messages and the probes. A line that is no probe is told."""
    left, right = st.columns(2)
    kind = left.selectbox("Conversation", CONVERSATIONS, key="recalled", disabled=is_busy)
    if kind == CONVERSATIONS[0]:
        return tuple(EIGHT_FACTS), tuple(EIGHT_FACTS.values())
    with right:
        info = choose_session(lab, "Session", "recalled-session")
    typed = st.text_area(
        f"Probes. {PROBES_HELP}", placeholder="What is my name? | Alice", key="probes"
    )
    probes = []
    for line in filter(str.strip, typed.splitlines()):
        question, _, text = line.rpartition("|")
        try:
            probes.append(Probe(question.strip(), text.strip()))
        except ValueError as error:
            st.warning(f"{as_typed(line, 60)}: {error}")
    items = all_seen(lab.catalog, info.session_id).items if info is not None else []
    said = [text_of(item) for item in items if is_user_message(item)]
    return tuple(filter(str.strip, said)), tuple(probes)


def show_result(recall: Recall) -> None:
    """What each policy recalls, then what it costs, in tables that can be read aloud."""
    outcomes = recall.outcomes
    st.markdown(f"**{_found(recall)}**")
    for one in outcomes:
        if one.error not in (None, STOPPED):
            st.error(as_typed(f"{one.policy}: {one.error}", 400))
    policies = [str(one.policy) for one in outcomes]
    lines = []
    for number, probe in enumerate(recall.probes):
        fact, turn = recall.fact(probe)
        states = [_state(*one.answers[number : number + 1]) for one in outcomes]
        lines.append([fact[:80], str(turn or "not told"), *states])
    st.html(table("Facts", ["Fact", "Told in turn", *policies], lines))
    st.caption(FOUND)

    costs = [one.costs() for one in outcomes]
    turns = range(len(recall.messages))
    if any(costs):
        show_chart(policies, costs)
    # A policy that did not get through its turns has no total that compares.
    totals = [
        [Cost(*map(sum, zip(*each, strict=True)))] if len(each) == len(turns) else []
        for each in costs
    ]
    lines = [["All turns", *(_cost(*each) for each in totals)]]
    lines.append(["Model calls, probes too", *(f"{each.model_calls:,}" for each in outcomes)])
    lines.append(["of them summaries", *(f"{each.summary_calls:,}" for each in outcomes)])
    for turn in turns:
        lines.append([f"Turn {turn + 1}", *(_cost(*each[turn : turn + 1]) for each in costs)])
    st.html(table("Input tokens of the turns, with their summaries", ["", *policies], lines))
    st.caption(f"{SUMMARIES} {REPEATED}")
    st.download_button("Download CSV", recall.csv(), "recall.csv", "text/csv", on_click="ignore")


def _found(recall: Recall) -> str:
    """How many facts each policy recalled. It tells the end of a replay from a part of one."""
    asked = [len(one.answers) for one in recall.outcomes]
    found = [f"{one.policy} {sum(a.is_recalled for a in one.answers)}" for one in recall.outcomes]
    facts = len(recall.probes)
    if min(asked) == facts:
        return f"Recalled of {count_of(facts, 'fact')}: {', '.join(found)}."
    parts = ", ".join(f"{one} of {n}" for one, n in zip(found, asked, strict=True))
    start = "Stopped: " if recall.is_stopped else ""
    return f"{start}{sum(asked)} of {facts * len(asked)} probes were asked. Recalled: {parts}."


def show_chart(policies: Sequence[str], costs: Sequence[Sequence[Cost]]) -> None:
    """The input tokens of each turn, a line for each policy."""
    points = [
        {"Policy": policy, "Turn": turn, "Input tokens": cost.input_tokens}
        for policy, each in zip(policies, costs, strict=True)
        for turn, cost in enumerate(each, 1)
    ]

    def of(*channels: str, legend: dict[str, Any] | None = None) -> dict[str, Any]:
        told = {"field": "Policy", "type": "nominal", "title": None, "legend": legend}
        return {
            each: {**told, "scale": {"domain": policies, "range": LINES[each]}} for each in channels
        }

    legend = {"orient": "top", "columns": 2, "symbolStrokeWidth": 2}
    axes = {
        "x": {"field": "Turn", "type": "ordinal", "axis": {"labelAngle": 0}},
        "y": {"field": "Input tokens", "type": "quantitative"},
    }
    line = {"mark": "line", "encoding": of("color", "strokeDash")}
    mark = {"type": "point", "size": 80, "opacity": 1}
    point = {"mark": mark, "encoding": of("color", "shape", legend=legend)}
    own = {"legend": {"color": "independent", "shape": "independent"}}
    spec = {"encoding": axes, "layer": [line, point], "resolve": own, "height": 400}
    # What the marks would say, the table below says.
    spec["config"] = {"mark": {"aria": False}}
    st.vega_lite_chart(points, spec, alt="The input tokens of each turn, a line for each policy")


def _state(answer: Answer | None = None) -> str:
    if answer is None:
        return "not asked"
    if answer.is_recalled:
        return "✓ recalled" if answer.was_sent else "✓ not sent, yet recalled"
    return "sent, not used" if answer.was_sent else "○ not sent"


def _cost(cost: Cost | None = None) -> str:
    if cost is None:
        return "not run"
    return f"{cost.input_tokens:,} · {cost.repeated / max(1, cost.sent):.0%} repeated"


def table(caption: str, heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """HTML. What stands in `COLORS` is coloured; the first cell heads its line."""
    top = "".join(f'<th scope="col" style="{CELL}">{escape(head)}</th>' for head in heads)
    body = ""
    for first, *cells in lines:
        body += f'<tr><th scope="row" style="{CELL}">{escape(first)}</th>'
        for cell in cells:
            fill = COLORS.get(cell, "transparent")
            body += f'<td style="{CELL};background:{fill}">{escape(cell)}</td>'
        body += "</tr>"
    return (
        '<div style="overflow-x:auto" tabindex="0"><table style="border-collapse:collapse;'
        f'font-size:0.85rem"><caption style="text-align:left">{escape(caption)}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def program(agent: str, messages: Sequence[str], probes: Sequence[Probe]) -> str:
    """A program that prints the CSV. It runs in the repository's folder."""
    asked = (f"Probe({literal(probe.question)}, {literal(probe.text)})," for probe in probes)
    return PROGRAM.format(
        agent=agent,
        messages="\n    ".join(f"{literal(message)}," for message in messages),
        probes="\n    ".join(asked),
    )
