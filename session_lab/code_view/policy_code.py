"""The SDK code of a memory policy, as the lab shows it."""

from __future__ import annotations

from session_lab.history.items import SUMMARY_REQUEST
from session_lab.history.policies import MemoryPolicy, Summarizer

_LAST_TURNS = '''\
async def last_turns(session, count):
    """A run config that sends the newest whole turns: user messages and what answered them."""
    items = await session.get_items()
    starts = [i for i, item in enumerate(items) if i == 0 or item.get("role") == "user"]
    limit = len(items) - starts[-count] if len(starts) > count else len(items)
    return RunConfig(session_settings=SessionSettings(limit=limit))


'''

_LAST_ITEMS_AND_QUESTION = '''\
async def last_items_and_question(session, count):
    """A run config that sends the stored question and the newest items from before it."""
    items = await session.get_items()
    question = max((i for i, item in enumerate(items) if item.get("role") == "user"), default=0)
    limit = len(items) - question + count
    return RunConfig(session_settings=SessionSettings(limit=limit))


'''

_SUMMARY = '''\
summaries = {{}}


def newest_turns_and_summary(count):
    """A run config that sends the newest turns, and a summary in place of the older ones.

    The SDK stores nothing of what a `call_model_input_filter` adds to a request.
    """
    instructions = "{instructions}"
    request = {{"role": "user", "content": "{request}"}}

    async def summarize(items):
        key = json.dumps(items)
        if key not in summaries:
            writer = Agent(name="Summary", instructions=instructions, model={model})
            summaries[key] = (await Runner.run(writer, [*items, request])).final_output
        part = {{"type": "output_text", "text": summaries[key], "annotations": []}}
        return {{"type": "message", "role": "assistant", "status": "completed", "content": [part]}}

    async def replace_older(data):
        items = data.model_data.input
        starts = [i for i, item in enumerate(items) if i == 0 or item.get("role") == "user"]
        if len(starts) <= count + 1:
            return data.model_data
        first = starts[-count - 1]
        pair = [request, await summarize(items[:first])]
        return ModelInputData([*pair, *items[first:]], data.model_data.instructions)

    return RunConfig(call_model_input_filter=replace_older)


'''


def policy_code(policy: MemoryPolicy, model: str, *, retry: bool = False) -> tuple[str, str]:
    """SDK code that follows the policy: definitions, and the expression for `run_config=`.

    The expression is empty for `Everything`. `model` is the source of the summary's model.
    """
    n = policy.n
    if policy.kind == "Everything":
        return "", ""
    if policy.kind == "Last N turns":
        return _LAST_TURNS, f"await last_turns(session, {n + 1 if retry else n})"
    if policy.kind == "Last N items" and retry:
        return _LAST_ITEMS_AND_QUESTION, f"await last_items_and_question(session, {n})"
    if policy.kind == "Last N items":
        return "", f"RunConfig(session_settings=SessionSettings(limit={n}))"
    instructions = Summarizer.INSTRUCTIONS
    code = _SUMMARY.format(request=SUMMARY_REQUEST, instructions=instructions, model=model)
    return code, f"newest_turns_and_summary({n})"
