"""What a turn costs the SDK, by the number of items that the session already holds.

Run it:
    python benchmarks/turn_cost.py

Each round runs one turn per line of the table, so that every line meets the same machine. The
model is `agents.testing.ScriptedModel`, which answers at once; the time spent inside it (it copies
what it is sent) is taken off. What remains is the SDK's own work: read the session, prepare the
request, store the new items. It is printed as a multiple of the first line's in the same round,
because milliseconds say more about the machine than about the SDK.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from agents import (
    Agent,
    ModelResponse,
    RunConfig,
    Runner,
    SessionSettings,
    SQLiteSession,
    TResponseInputItem,
    set_tracing_disabled,
)
from agents.testing import ScriptedModel, assistant_message

SIZES = (0, 1_000, 10_000)
LIMITS = (None, 20)


class TimedModel(ScriptedModel):
    """Answers "Noted." once, and keeps the seconds that it took itself."""

    seconds = 0.0

    async def get_response(self, *args: Any, **kwargs: Any) -> ModelResponse:
        start = time.perf_counter()
        try:
            return await super().get_response(*args, **kwargs)
        finally:
            self.seconds += time.perf_counter() - start


@dataclass
class Case:
    """One line of the table: a session of `stored` items, and how many of them a turn fetches."""

    stored: int
    limit: int | None
    session: SQLiteSession
    seconds: list[float] = field(default_factory=list)
    sent: int = 0

    @property
    def name(self) -> str:
        return "everything" if self.limit is None else f"limit={self.limit}"


def stored_items(count: int) -> list[TResponseInputItem]:
    """A conversation of `count` short messages, user and assistant in turn."""
    items: list[Any] = []
    for number in range(count):
        text = f"Message {number}: a sentence of about the length that people type."
        if number % 2:
            part = {"type": "output_text", "text": text, "annotations": []}
            message = {"type": "message", "role": "assistant", "status": "completed"}
            items.append({**message, "content": [part]})
        else:
            items.append({"role": "user", "content": text})
    return cast("list[TResponseInputItem]", items)


async def prepare(folder: Path, sizes: list[int]) -> list[Case]:
    cases = []
    for stored in sizes:
        for limit in LIMITS:
            session = SQLiteSession("benchmark", folder / f"{stored}-{limit}.db")
            await session.add_items(stored_items(stored))
            cases.append(Case(stored, limit, session))
    return cases


async def time_one_turn(case: Case) -> None:
    """Run one turn, note its seconds, and take its two items out again."""
    model = TimedModel([[assistant_message("Noted.")]])
    agent = Agent(name="Assistant", model=model)
    config = RunConfig(session_settings=SessionSettings(limit=case.limit))
    start = time.perf_counter()
    await Runner.run(agent, "One more message.", session=case.session, run_config=config)
    case.seconds.append(time.perf_counter() - start - model.seconds)
    case.sent = len(model.calls[0].input)
    for _ in ("answer", "question"):
        await case.session.pop_item()


def table(cases: list[Case]) -> str:
    lines = [
        "| Stored items | Fetched | Items sent | Times the first line | Lowest to highest |",
        "| ---: | --- | ---: | ---: | ---: |",
    ]
    for case in cases:
        pairs = zip(case.seconds, cases[0].seconds, strict=True)
        ratios = [seconds / first for seconds, first in pairs]
        cells = [f"{case.stored:,}", case.name, f"{case.sent:,}"]
        cells += [f"{statistics.median(ratios):.1f}", f"{min(ratios):.1f} to {max(ratios):.1f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


async def main(sizes: list[int], rounds: int) -> None:
    set_tracing_disabled(True)
    with tempfile.TemporaryDirectory() as folder:
        cases = await prepare(Path(folder), sizes)
        await time_one_turn(cases[0])  # the first run of a process also pays for imports
        cases[0].seconds.clear()
        for _ in range(rounds):
            for case in cases:
                await time_one_turn(case)
        for case in cases:
            case.session.close()
    print(f"openai-agents {version('openai-agents')}, Python {platform.python_version()}")
    print(f"{platform.system()} {platform.machine()}, {rounds} rounds\n")
    print(table(cases))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    options = parser.parse_args()
    asyncio.run(main(options.sizes, options.rounds))
