"""Random clicks on a real session, done as the app does them and recorded as it records them."""

import asyncio
import random
from pathlib import Path
from typing import Any

from agents import Runner, SQLiteSession
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call
from openai.types.responses.response_reasoning_item import ResponseReasoningItem, Summary

from session_lab.code_view.actions import (
    Action,
    AddItems,
    ClearSession,
    CreateSession,
    EditItem,
    Fork,
    PopItem,
    Reopen,
    RunTurn,
    UndoTurn,
)
from session_lab.code_view.agents import AGENT_NAMES, AgentName, make_agent
from session_lab.history.items import (
    assistant_item,
    is_assistant_message,
    is_user_message,
    user_item,
    with_text,
)
from session_lab.history.policies import POLICY_KINDS, MemoryPolicy
from session_lab.history.turns import last_turns, remove_last

TEXTS = [
    "Hello",
    "My name is Zoë 🙂",
    "\"\"\" ''' \\n \\",
    "line\nline\r\nline",
    "\u202eabc",
    "{x} %s",
]
CALLS: dict[AgentName, list[tuple[str, dict[str, Any]]]] = {
    "Assistant": [("days_between", {"start_date": "2026-01-01", "end_date": "2026-03-01"})],
    "Support": [("order_status", {"order_id": "A-1001"}), ("order_status", {"order_id": "B-9"})],
    "Sales": [("price_quote", {"product": "laptop", "quantity": 3}), ("price_quote", {})],
}


class Clicks:
    """Does random things to a real session, as the app does them, and records them."""

    def __init__(self, seed: int, database: Path) -> None:
        self.random = random.Random(seed)
        self.database = database
        self.session_id = f"session '{seed}'"
        self.session = SQLiteSession(self.session_id, database)
        self.actions: list[Action] = [CreateSession(self.session_id)]
        self.ids = 0

    def new_id(self, prefix: str) -> str:
        self.ids += 1
        return f"{prefix}_{self.ids}"

    def message(self) -> Any:
        message: Any = assistant_message(self.random.choice(TEXTS))
        return message.model_copy(update={"id": self.new_id("msg")})

    def calls(self, agent: AgentName) -> list[Any]:
        thought = Summary(text="think", type="summary_text")
        reasoning: Any = ResponseReasoningItem(
            id=self.new_id("rs"), summary=[thought], type="reasoning"
        )
        count = self.random.choice([1, 1, 2])
        calls: list[Any] = [
            function_call(*self.random.choice(CALLS[agent]), call_id=self.new_id("call"))
            for _ in range(count)
        ]
        return ([reasoning] if self.random.random() < 0.3 else []) + calls

    async def run(self, text: str | None) -> None:
        agent: AgentName = self.random.choice(AGENT_NAMES)
        steps: list[Any] = [self.calls(agent) for _ in range(self.random.choice([0, 0, 1, 2]))]
        ending = self.random.choice(
            ["reply", "reply", "reply", "error", "stop", "silence", "unknown"]
        )
        steps.append(self.last_step(ending))
        before = await self.session.get_items()
        model = ScriptedModel(steps)
        message: Any = [] if text is None else text
        result = Runner.run_streamed(make_agent(agent, model), message, session=self.session)
        error = None
        try:
            await asyncio.wait_for(self.consume(result), 0.15 if ending == "stop" else 20)
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
        stored = (await self.session.get_items())[len(before) :]
        policy = MemoryPolicy(self.random.choice(POLICY_KINDS), self.random.randint(1, 3))
        self.actions.append(RunTurn(text, agent, policy, stored, error))

    def last_step(self, ending: str) -> Any:
        async def wait(call: Any) -> Any:
            await asyncio.sleep(30)

        steps = {
            "error": RuntimeError('the "server" is\naway'),
            "stop": ModelStep.respond(wait),
            "silence": [],
            "unknown": [function_call("no_such_tool", {}, call_id="x")],
        }
        return steps.get(ending) if ending in steps else [self.message()]

    async def consume(self, result: Any) -> None:
        try:
            async for _ in result.stream_events():
                pass
        finally:
            result.cancel()

    async def click(self) -> None:
        items = await self.session.get_items()
        name = self.random.choice(
            ["run"] * 6
            + ["retry", "pop", "undo", "clear", "add", "edit", "fork", "import", "reopen"]
        )
        if name == "run":
            await self.run(self.random.choice(TEXTS))
        elif name == "retry" and items and is_user_message(items[-1]):
            await self.run(None)
        elif name == "pop" and items:
            await self.session.pop_item()
            self.actions.append(PopItem())
        elif name == "undo" and items:
            await remove_last(self.session, last_turns(items, 1))
            self.actions.append(UndoTurn())
        elif name == "clear" and self.random.random() < 0.3:
            await self.session.clear_session()
            self.actions.append(ClearSession())
        elif name == "add":
            item = self.random.choice([user_item, assistant_item])(self.random.choice(TEXTS))
            await self.session.add_items([item])
            self.actions.append(AddItems([item]))
        elif name == "import":
            imported = [user_item("imported"), {"type": "message", **assistant_item("also")}]
            await self.session.add_items(imported)
            self.actions.append(AddItems(imported))
        elif name == "edit":
            await self.edit(items)
        elif name == "fork":
            await self.fork(self.random.randint(0, len(items)))
        elif name == "reopen":
            self.session.close()
            self.session = SQLiteSession(self.session_id, self.database)
            self.actions.append(Reopen(self.session_id))

    async def edit(self, items: list[Any]) -> None:
        places = [i for i, x in enumerate(items) if is_user_message(x) or is_assistant_message(x)]
        if not places:
            return
        tail = items[self.random.choice(places) :]
        text = self.random.choice(TEXTS)
        for _ in tail:
            await self.session.pop_item()
        edited = with_text(tail[0], text)
        await self.session.add_items([edited, *tail[1:]])
        self.actions.append(EditItem(len(tail), [edited]))

    async def fork(self, count: int) -> None:
        items = (await self.session.get_items())[:count]
        self.session.close()
        source, self.session_id = self.session_id, self.session_id + "+"
        self.session = SQLiteSession(self.session_id, self.database)
        await self.session.add_items(items)
        self.actions.append(Fork(source, self.session_id, items))

    async def do(self, clicks: int) -> list[Any]:
        """The items of the session in the end."""
        for _ in range(clicks):
            await self.click()
        items = await self.session.get_items()
        self.session.close()
        return items
