"""A run stopped at any moment leaves whole items and a session that is free."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from agents import function_tool
from agents.testing import ModelStep, ScriptedModel
from lab_tools import EVERYTHING, Gate, MakeLab, ask, asks_for_days, says, stored, texts, wait_until

from session_lab.code_view import agents as lab_agents
from session_lab.history.items import kind
from session_lab.models.offline import OfflineModel

QUESTION = "How many days from 2026-01-01 to 2026-01-03?"
WHOLE = ["user", "tool call", "tool output", "assistant"]
STEPS = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256]


@pytest.mark.parametrize("moment", ["asked", "writing", "tool", "tool answered", *STEPS])
def test_stopped_at_any_moment(
    make: MakeLab, path: Path, moment: str | int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate("never")

    @function_tool
    async def days_between(start_date: str, end_date: str) -> Any:
        return await gate(None)

    if moment == "tool":
        monkeypatch.setitem(lab_agents.TOOLS, "Assistant", [days_between])
    reached: Any = ModelStep.respond(gate)
    models: dict[str, Any] = {"asked": ScriptedModel([reached]), "writing": OfflineModel(0.02)}
    models |= {"tool": ScriptedModel([asks_for_days()])}
    models |= {"tool answered": ScriptedModel([asks_for_days(), reached])}
    lab = make(models.get(str(moment), OfflineModel()))
    asked = "What is a file session?" if moment == "writing" else QUESTION
    live = lab.send("s", asked, "Assistant", EVERYTHING)

    async def take_turns() -> None:
        for _ in range(int(moment)):
            await asyncio.sleep(0)  # The loop's other work goes one step on.

    if moment == "writing":
        wait_until(lambda: live.reply, "the first words were there")
    elif isinstance(moment, str):
        assert gate.reached.wait(10)
    else:
        lab.wait_for(take_turns)
    lab.stop(live)

    kinds = list(map(kind, stored(path, "s")))
    counts = {"asked": [1], "writing": [1], "tool": [1, 2], "tool answered": [3]}
    assert kinds == WHOLE[: len(kinds)] and len(kinds) in counts.get(str(moment), range(5))
    report = lab.log("s").report
    assert report is live.report and lab.log("s").change.added == set(report.stored)
    assert len(report.stored) == len(kinds)
    assert lab.live("s") is None and not lab.catalog.is_busy()
    if kinds != WHOLE:
        assert report.error == "Stopped." and lab.catalog.database("s").reports("s") == []
        assert moment != "writing" or report.output_tokens > 0
    lab.lab.model = says("Here you are.", "Welcome.")
    if kinds and kinds != WHOLE:
        ask(lab, "s", None)
        assert texts(path).count(asked) == 1 and texts(path)[-1] == "Here you are."
    ask(lab, "s", "Thanks")
    assert texts(path)[-2] == "Thanks"
    lab.stop(live)  # A second time changes nothing.
