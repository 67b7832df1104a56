"""Recall: which facts of one conversation a model still finds under each of several policies.

The user's messages are replayed from the start, in memory, once for each policy. Then each probe is
asked on a copy of its own, which is thrown away. All figures come from the recorded requests.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from itertools import takewhile, zip_longest
from typing import Any, NamedTuple

from agents import Agent, SQLiteSession

from session_lab.history.items import Item, text_of
from session_lab.history.policies import MemoryPolicy
from session_lab.history.report import TurnReport
from session_lab.history.summaries import Summarizer
from session_lab.models.offline import estimate_tokens
from session_lab.models.servers import api_of
from session_lab.runs.progress import LoopProgress
from session_lab.runs.turn import run_turn

POLICIES = (
    MemoryPolicy(),
    MemoryPolicy("Last N items", 6),
    MemoryPolicy("Last N turns", 3),
    MemoryPolicy("Summary", 3),
)


@dataclass(frozen=True)
class Probe:
    """A question, and the text that its answer must hold, in upper or lower case.

    Raises:
        ValueError: one of them is empty, or the question gives the text away.
    """

    question: str
    text: str

    def __post_init__(self) -> None:
        if not self.question or not self.text:
            raise ValueError("A probe is a question, and the text that the answer must hold.")
        if self.is_in(self.question):
            raise ValueError("The question holds the text that the answer must hold.")

    def is_in(self, text: str) -> bool:
        return self.text.casefold() in text.casefold()


EIGHT_FACTS = {
    "My name is Alice.": Probe("What is my name?", "Alice"),
    "I live in Oslo.": Probe("Where do I live?", "Oslo"),
    "I work as a nurse.": Probe("What is my job?", "nurse"),
    "My dog is called Rex.": Probe("What is my dog called?", "Rex"),
    "My favorite color is green.": Probe("What is my favorite color?", "green"),
    "My locker has the number 512.": Probe("Which number does my locker have?", "512"),
    "My flight leaves at 9:40.": Probe("When does my flight leave?", "9:40"),
    "My sister plays the cello.": Probe("What does my sister play?", "cello"),
}
"""A conversation of one fact a turn, with the probe of each."""


@dataclass(frozen=True)
class Answer:
    """The reply to one probe, and the report of its turn."""

    probe: Probe
    reply: str
    report: TurnReport

    @property
    def is_recalled(self) -> bool:
        return self.probe.is_in(self.reply)

    @property
    def was_sent(self) -> bool:
        """Whether what stood before the question in the request holds the text."""
        return any(self.probe.is_in(text_of(item)) for item in self.report.calls[0].input[:-1])


class Cost(NamedTuple):
    """`input_tokens` is the model's own count, summaries included; the other two are estimates.

    `repeated` of the tokens `sent` are in items that equal, from the first on, those of the request
    before: what a prompt cache can reuse. The requests for summaries are not among these.
    """

    input_tokens: int
    repeated: int
    sent: int


@dataclass
class Outcome:
    """What came of one policy, as far as it got. `error` says why it got no further."""

    policy: MemoryPolicy
    turns: list[TurnReport] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    error: str | None = None

    @property
    def summary_calls(self) -> int:
        """Those that the probes made are among them."""
        return sum(len(report.summary_calls) for report in self._reports)

    @property
    def model_calls(self) -> int:
        """All that were made: turns, probes and summaries."""
        return self.summary_calls + sum(len(report.calls) for report in self._reports)

    @property
    def _reports(self) -> list[TurnReport]:
        return [*self.turns, *(answer.report for answer in self.answers)]

    def costs(self) -> list[Cost]:
        """Of each turn."""
        before: Sequence[Item] = []
        costs = []
        for report in self.turns:
            repeated = 0
            for call in report.calls:
                pairs = zip(call.input, before, strict=False)
                equal = takewhile(lambda pair: pair[0] == pair[1], pairs)
                repeated += estimate_tokens([item for item, _ in equal])
                before = call.input
            sent = sum(estimate_tokens(call.input) for call in report.calls)
            costs.append(Cost(report.input_tokens, repeated, sent))
        return costs


def planned_calls(policies: Sequence[MemoryPolicy], turns: int, probes: int) -> tuple[int, int]:
    """Model calls of turns and probes, if no tool is called, and at most so many for summaries."""
    # From its turn n + 2 on a summary is extended each turn, and once for all probes.
    summaries = [
        max(0, turns - policy.n - (not probes)) for policy in policies if policy.kind == "Summary"
    ]
    return len(policies) * (turns + probes), sum(summaries)


class Recall(LoopProgress):
    """A replay that goes on without a page that looks. It is made on the event loop."""

    def __init__(
        self,
        agent: Agent[Any],
        messages: Sequence[str],
        probes: Sequence[Probe],
        policies: Sequence[MemoryPolicy] = POLICIES,
    ) -> None:
        super().__init__()
        self.agent = agent.name
        self.messages, self.probes = tuple(messages), tuple(probes)
        self.outcomes = [Outcome(policy) for policy in policies]
        self.task = asyncio.create_task(self._run(agent))
        self.task.add_done_callback(lambda _: self.end())

    @property
    def share_done(self) -> float:
        """From 0 to 1."""
        done = sum(len(outcome.turns) + len(outcome.answers) for outcome in self.outcomes)
        return done / max(1, len(self.outcomes) * (len(self.messages) + len(self.probes)))

    async def _run(self, agent: Agent[Any]) -> None:
        await asyncio.gather(*(self._replay(agent, outcome) for outcome in self.outcomes))

    async def _replay(self, agent: Agent[Any], outcome: Outcome) -> None:
        # One for each policy: what another has had summarized would cost this one nothing.
        summarizer = Summarizer(agent.model, api_of(agent.model))

        async def say(session: SQLiteSession, text: str) -> TurnReport | None:
            report = TurnReport(agent=agent.name, policy=outcome.policy)
            async with aclosing(run_turn(session, agent, text, report, summarizer)) as events:
                async for _ in events:
                    pass
            outcome.error = report.error
            return report if report.error is None else None

        with closing(SQLiteSession("replay")) as session:
            for message in self.messages:
                if (report := await say(session, message)) is None:
                    return
                outcome.turns.append(report)
            items = await session.get_items()
        for probe in self.probes:
            with closing(SQLiteSession("probe")) as copy:
                await copy.add_items(items)
                if (report := await say(copy, probe.question)) is None:
                    return
                reply = text_of((await copy.get_items(limit=1))[0])
                outcome.answers.append(Answer(probe, reply, report))

    def fact(self, probe: Probe) -> tuple[str, int | None]:
        """The first message that holds the text, and its turn; else the question and None."""
        told = (turn for turn, said in enumerate(self.messages, 1) if probe.is_in(said))
        turn = next(told, None)
        return (self.messages[turn - 1] if turn else probe.question), turn

    def csv(self) -> str:
        """One line for each policy and fact; `recalled` is yes, no, or empty where nobody asked."""
        text = io.StringIO()
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(["policy", "fact", "told_in_turn", "recalled"])
        for outcome in self.outcomes:
            for probe, answer in zip_longest(self.probes, outcome.answers):
                recalled = "" if answer is None else "yes" if answer.is_recalled else "no"
                lines.writerow([outcome.policy, *self.fact(probe), recalled])
        return text.getvalue()
