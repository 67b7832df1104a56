"""Whatever is pressed, OpenAI answers the next message: against a stand-in that is as strict."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from agents import OpenAIResponsesModel
from lab_tools import EVERYTHING, MakeLab, PageLab, ask, pop, says, stored, undo
from loopback_server import LoopbackServer
from openai import AsyncOpenAI
from strict_openai import StrictOpenAI

from session_lab.history.items import assistant_item, kind, text_of, user_item
from session_lab.history.policies import POLICY_KINDS, MemoryPolicy
from session_lab.models.offline import OfflineModel
from session_lab.models.servers import ServerChatModel

TOOL_TURN = ["user", "reasoning", "tool call", "tool output", "reasoning", "assistant"]


@pytest.fixture
def server() -> Iterator[StrictOpenAI]:
    with StrictOpenAI() as server:
        yield server


@pytest.fixture
def lab(server: StrictOpenAI, make: MakeLab) -> Iterator[PageLab]:
    client = AsyncOpenAI(api_key="none", base_url=server.url, max_retries=0)
    lab = make(OpenAIResponsesModel("strict", client))
    answered(lab, "Hi.")
    answered(lab, "Use the tool.")
    yield lab
    lab.wait_for(client.close)


def answered(lab: PageLab, text: str, policy: MemoryPolicy = EVERYTHING, at: str = "s") -> None:
    assert ask(lab, at, text, policy).report.error is None


def test_popped_and_forked_at_each_item_of_a_tool_turn(
    lab: PageLab, path: Path, server: StrictOpenAI
) -> None:
    kinds = [kind(item) for item in stored(path, "s")]
    assert kinds == ["user", "reasoning", "assistant", *TOOL_TURN]
    for left in range(8, -1, -1):
        pop(lab)
        lab.fork("s", f"at {left}", left, "Memory")
        answered(lab, "And now?", at=f"at {left}")
        answered(lab, "And then?", at=f"at {left}")
    assert server.refusals == []


def test_every_policy_with_every_n(lab: PageLab) -> None:
    for policy in [
        EVERYTHING,
        *(MemoryPolicy(k, n) for k in POLICY_KINDS[1:] for n in range(1, 7)),
    ]:
        new_id = f"{policy.kind} {policy.n}"
        lab.fork("s", new_id, 8, "Memory")
        answered(lab, "Use the tool again.", policy, new_id)


def test_undone_after_tools(lab: PageLab, path: Path) -> None:
    undo(lab)
    answered(lab, "And now?")
    assert len(stored(path, "s")) == 6


def test_begun_with_another_model(lab: PageLab) -> None:
    strict = lab.lab.model
    lab.create("begun", "File")
    for model in (OfflineModel(), says("Here."), strict):
        lab.lab.model = model
        answered(lab, "Hi.", at="begun")


def test_chat_completions_is_sent_what_it_can_carry(make: MakeLab, path: Path) -> None:
    with LoopbackServer() as server:
        client = AsyncOpenAI(api_key="none", base_url=server.url)
        lab = make(ServerChatModel("tiny", client))
        types = ["mcp_call", "mcp_list_tools", "web_search_call", "code_interpreter_call"]
        types += ["image_generation_call", "item_reference", "compaction"]
        items = [{"type": name, "id": f"x_{name}", "result": "QUJD" * 99_999} for name in types]
        lab.import_items("odd", "Odd", [user_item("Look."), *items, assistant_item("Seen.")])
        live = ask(lab, "odd", "And now?")
        assert live.report.error is None
        outlook = lab.outlook("odd", "Assistant", EVERYTHING)
        [call] = live.report.calls
        assert [text_of(item) for item in call.input] == ["Look.", "Seen.", "And now?"]
        assert len(call.not_sent()) == len(types) and all(
            "cannot carry" in why for why in call.not_sent().values()
        )
        assert sum(cell.finding is not None for cell in outlook.cells) == len(types)
        lab.wait_for(client.close)


def test_what_is_not_sent_says_why(lab: PageLab, path: Path, server: StrictOpenAI) -> None:
    lab.fork("s", "cut", 2, "File")
    live = ask(lab, "cut", "And now?")
    assert [item["role"] for item in server.requests[-1].items] == ["user", "user"]
    rows = [row.id for row in lab.catalog.database("cut").rows("cut")]
    [call] = live.report.calls
    assert call.sent() == {rows[0]: 1}
    assert call.not_sent() == {rows[1]: "Reasoning without the item that it led to."}
    [*_, run] = lab.actions("cut")
    assert 'config = only_sendable(RunConfig(), "Responses")' in run.code(None)
    assert [kind(item) for item in stored(path, "cut")][:3] == ["user", "reasoning", "user"]
