"""Recall: what each policy finds again, and what it costs, told from the recorded requests."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from agents import Model
from agents.testing import ModelStep, ScriptedModel, assistant_message
from lab_tools import EVERYTHING, Gate, MakeLab, PageLab, query, says, talk

from session_lab.code_view.agents import make_agent
from session_lab.history.items import text_of
from session_lab.history.policies import MemoryPolicy
from session_lab.models.offline import OfflineModel, estimate_tokens
from session_lab.runs.compare import SIX_TURNS, compare_policies, create_six_turns, verdict
from session_lab.runs.recall import EIGHT_FACTS, POLICIES, Probe, Recall, planned_calls

PROBES = list(EIGHT_FACTS.values())


class Counting(OfflineModel):
    """Keeps the texts of each request."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[list[str]] = []

    async def get_response(self, *args: Any, **kwargs: Any) -> Any:
        items = kwargs["input"] if "input" in kwargs else args[1]
        self.requests.append([text_of(item) for item in items])
        return await super().get_response(*args, **kwargs)


def run(lab: PageLab, model: Model, **more: Any) -> Recall:
    async def start() -> Recall:
        return Recall(make_agent("Assistant", model), list(EIGHT_FACTS), PROBES, **more)

    recall = lab.wait_for(start)
    assert recall.wait(60)
    return recall


def test_each_policy_recalls_what_it_was_sent(make: MakeLab, path: Path) -> None:
    model = Counting()
    recall = run(make(says()), model)
    found = {
        str(one.policy): [answer.is_recalled for answer in one.answers] for one in recall.outcomes
    }
    assert found == {
        "Everything": [True] * 8,
        "Last 6 items": [False] * 5 + [True] * 3,
        "Last 3 turns": [False] * 5 + [True] * 3,
        "Summary": [True] * 8,
    }
    for one in recall.outcomes:
        assert [answer.was_sent for answer in one.answers] == found[str(one.policy)]
        requests = [call for turn in one.turns for call in turn.calls]
        assert [cost.sent for cost in one.costs()] == [
            estimate_tokens(call.input) for call in requests
        ]
        assert [cost.input_tokens for cost in one.costs()] == [t.input_tokens for t in one.turns]
    everything, last_items, *_ = (one.costs() for one in recall.outcomes)
    assert everything[0].repeated == 0
    assert [cost.repeated for cost in everything[1:]] == [cost.sent for cost in everything[:-1]]
    assert [cost.repeated for cost in last_items[5:]] == [0] * 3, "a sliding limit repeats nothing"
    totals = [sum(turn.input_tokens for turn in one.turns) for one in recall.outcomes]
    assert max(totals) == totals[-1], "what the summaries cost is counted"
    for one in recall.outcomes:
        made = (one.model_calls - one.summary_calls, one.summary_calls)
        assert made == planned_calls([one.policy], 8, 8), "as many as were announced"
    assert len(model.requests) == sum(planned_calls(POLICIES, 8, 8))
    assert query(path, "SELECT count(*) FROM agent_messages") == [(0,)], "nothing is stored"

    header, *lines = csv.reader(io.StringIO(recall.csv()))
    assert header == ["policy", "fact", "told_in_turn", "recalled"]
    assert lines == [
        [policy, fact, str(turn), "yes" if is_recalled else "no"]
        for policy, answers in found.items()
        for turn, (fact, is_recalled) in enumerate(zip(EIGHT_FACTS, answers, strict=True), 1)
    ]


def test_an_answer_that_does_not_use_what_was_sent_is_told_apart(make: MakeLab) -> None:
    model = ScriptedModel([[assistant_message("Fine.")]] * 16)
    recall = run(make(says()), model, policies=[EVERYTHING])
    assert [(each.is_recalled, each.was_sent) for each in recall.outcomes[0].answers] == (
        [(False, True)] * 8
    )


def test_a_stop_keeps_what_is_known(make: MakeLab) -> None:
    lab, gate, reply = make(says()), Gate("never"), [assistant_message("Fine.")]

    async def start() -> Recall:
        model = ScriptedModel([reply, reply, ModelStep.respond(gate)])
        agent = make_agent("Assistant", model)
        return Recall(agent, list(EIGHT_FACTS), PROBES, [EVERYTHING])

    recall = lab.wait_for(start)
    assert gate.reached.wait(10)
    lab.wait_for(recall.stop)
    assert recall.is_done and len(recall.outcomes[0].turns) == 2 and recall.share_done == 2 / 16
    assert recall.csv().count("yes") == recall.csv().count("no") == 0


def test_a_probe_is_asked_on_a_copy_and_leaves_nothing_behind(make: MakeLab) -> None:
    model = Counting()
    run(make(says()), model, policies=[EVERYTHING])
    said = [text for fact in EIGHT_FACTS for text in (fact, "Noted.")]
    assert model.requests[:8] == [said[: 2 * turn + 1] for turn in range(8)]
    assert model.requests[8:] == [[*said, probe.question] for probe in PROBES]


async def test_both_requests_of_a_turn_with_a_tool_call_are_counted() -> None:
    days = "How many days are there from 2026-01-01 to 2026-01-03?"
    recall = Recall(make_agent("Assistant", OfflineModel()), [days], [Probe("What days?", "2 d")])
    await recall.ended()
    for outcome in recall.outcomes:
        first, second = (estimate_tokens(call.input) for call in outcome.turns[0].calls)
        assert outcome.costs()[0][1:] == (first, first + second)


async def test_an_error_ends_its_policy_alone() -> None:
    def fail_long(call: Any) -> Any:
        if len(call.input) > 3:
            raise RuntimeError("too long")
        return [assistant_message("Noted.")]

    agent = make_agent("Assistant", ScriptedModel([ModelStep(responder=fail_long)] * 20))
    policies = [EVERYTHING, MemoryPolicy("Last N items", 2)]
    recall = Recall(agent, list(EIGHT_FACTS)[:3], PROBES[:1], policies)
    await recall.ended()
    whole, last = recall.outcomes
    assert (len(whole.turns), len(whole.answers), len(last.answers)) == (2, 0, 1)
    assert "too long" in str(whole.error) and last.error is None
    assert [line.rsplit(",", 1)[1] for line in recall.csv().splitlines()[1:]] == ["", "no"]


@pytest.mark.parametrize(("question", "text"), [("", "x"), ("x", ""), ("Is it Alice?", "alice")])
def test_a_probe_that_proves_nothing_is_refused(question: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"probe is|question holds"):
        Probe(question, text)


def test_a_comparison_says_who_was_not_sent_what(make: MakeLab) -> None:
    lab = make(OfflineModel())
    for _ in range(2):
        lab.wait_for(create_six_turns, lab.lab)
    assert lab.catalog.info(SIX_TURNS).item_count == 12, "made once"
    policies = (EVERYTHING, MemoryPolicy("Last N turns", 2))
    question = "What is my name?"
    made = lab.wait_for(compare_policies, lab.lab, SIX_TURNS, policies, question, "Assistant")
    assert made.wait(20)
    assert verdict(made) == "A answered from item 1. B was not sent item 1."
    lab.import_items("talk", "talk", talk(2))
    made = lab.wait_for(compare_policies, lab.lab, "talk", policies, "Who?", "Assistant")
    assert made.wait(20)
    assert verdict(made) == "A was sent 5 items. B was sent 5 items."
