"""A run stopped at any moment leaves whole items and a session that is free."""

import asyncio
import threading
from pathlib import Path

import pytest
from agents import function_tool
from agents.testing import ModelStep, ScriptedModel
from lab_tools import (
    EVERYTHING,
    Gate,
    MakeLab,
    PageLab,
    ask,
    asks_for_days,
    says,
    stored,
    texts,
    wait_until,
)

from session_lab.code_view import agents as lab_agents
from session_lab.history.items import kind
from session_lab.models.offline import OfflineModel


@function_tool
async def days_between(start_date: str, end_date: str) -> str:
    """A tool that takes for ever."""
    TOOL_REACHED.set()
    await asyncio.sleep(3600)
    return "never"


TOOL_REACHED = threading.Event()


def stop_then_go_on(lab: PageLab, path: Path, whole: list[list[str]]) -> None:
    """Stop the run; its rows are one of `whole`; the session is free, and the retry answers."""
    live = lab.live("s")
    assert live is not None
    lab.stop(live)
    assert lab.live("s") is None and not lab.catalog.is_busy("s")
    assert list(map(kind, stored(path, "s"))) in whole
    report = lab.report("s")
    assert report is not None and report.error == "Stopped."
    assert lab.catalog.database("s").reports("s") == []
    lab.lab.model = says("Here you are.", "And again.")
    if stored(path, "s"):
        ask(lab, "s", None)
        assert texts(path).count("How long?") == 1 and texts(path)[-1] == "Here you are."
    ask(lab, "s", "Thanks")
    assert texts(path)[-2] == "Thanks"
    lab.stop(live)


def test_stopped_before_the_first_token(make: MakeLab, path: Path) -> None:
    gate = Gate("never")
    lab = make(ScriptedModel([ModelStep.respond(gate)]))
    lab.send("s", "How long?", "Assistant", EVERYTHING)
    gate.reached.wait(5)
    stop_then_go_on(lab, path, [["user"]])


def test_stopped_at_once(make: MakeLab, path: Path) -> None:
    lab = make(says("never"))
    live = lab.send("s", "How long?", "Assistant", EVERYTHING)
    lab.stop(live)
    assert list(map(kind, stored(path, "s"))) in ([], ["user"], ["user", "assistant"])
    ask(lab, "s", "Still there?")
    assert "Still there?" in texts(path)


def test_stopped_in_the_middle_of_a_reply(make: MakeLab, path: Path) -> None:
    lab = make(OfflineModel(0.02))
    live = lab.send("s", "How long?", "Assistant", EVERYTHING)
    wait_until(lambda: live.reply, "the first words were there")
    stop_then_go_on(lab, path, [["user"]])
    report = live.report
    assert report is not None and report.output_tokens > 0


def test_stopped_while_a_tool_runs(
    make: MakeLab, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(lab_agents.TOOLS, "Assistant", [days_between])
    TOOL_REACHED.clear()
    lab = make(ScriptedModel([asks_for_days()]))
    lab.send("s", "How long?", "Assistant", EVERYTHING)
    TOOL_REACHED.wait(5)
    stop_then_go_on(lab, path, [["user"], ["user", "tool call"]])


@pytest.mark.parametrize("delay", [number / 500 for number in range(12)])
def test_stopped_at_any_moment(make: MakeLab, path: Path, delay: float) -> None:
    """A turn with a tool call, cut at a different moment each time, leaves only whole items."""
    lab = make(OfflineModel(0.001))
    question = "How many days from 2026-01-01 to 2026-01-03?"
    live = lab.send("s", question, "Assistant", EVERYTHING)
    threading.Event().wait(delay)
    lab.stop(live)
    whole = ["user", "tool call", "tool output", "assistant"]
    kinds = list(map(kind, stored(path, "s")))
    assert kinds == whole[: len(kinds)]
    assert lab.change("s").added == {row.id for row in lab.catalog.database("s").rows("s")}
    ask(lab, "s", "My name is Alice.")
    ask(lab, "s", "What is my name?")
    assert "Alice" in texts(path)[-1]
