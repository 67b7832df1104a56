"""What makes a history one that its API accepts: findings, what can be sent of it, safe cuts.

The rules were read from the SDK (0.22 to 0.24) and from public reports of refused requests. Nothing
of ours but `items.py` is imported, so the two files can be copied.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agents.models.fake_id import FAKE_RESPONSES_ID

from session_lab.history.items import (
    TOOL_OUTPUTS,
    Pair,
    field,
    is_answered,
    is_assistant_message,
    is_user_message,
    kind,
    pair_of,
    parts_of,
    text_of,
    whole,
)

Api = Literal["Responses", "Chat Completions"]
Rule = Literal["form", "type", "text", "pair", "ID", "reasoning", "turn"]

ROLES = ("user", "assistant", "system", "developer")
CHAT_TYPES = ("message", "function_call", "function_call_output", "reasoning")
"""What the SDK's converter to Chat Completions can carry. It raises `UserError` for the rest."""
MAX_CHARACTERS = 10_485_760
"""OpenAI takes no longer text in one item."""
ID_STARTS = {"message": "msg", "function_call": "fc", "reasoning": "rs"}
"""OpenAI refuses these items with any other ID. Without one they are taken, but for reasoning."""
_MADE = (
    *(*TOOL_OUTPUTS, "reasoning"),
    *("code_interpreter_call", "file_search_call", "image_generation_call", "web_search_call"),
    *("mcp_approval_request", "mcp_call", "mcp_list_tools"),
)
"""What a model's response is made of beside messages. The server runs some tools itself."""


@dataclass(frozen=True)
class Finding:
    """An item that breaks a rule. `place` is its index in the history."""

    place: int
    rule: Rule
    problem: str
    remedy: str
    is_refused: bool = True
    """Whether the API refuses a request with it, or the SDK raises an error."""
    instead: Any = None
    """What can be sent in its place; None if nothing can."""


def diagnose(items: Sequence[Any], api: Api = "Responses") -> list[Finding]:
    """The findings in a history, at most one for each item, in the order of their places."""
    found: dict[int, Finding] = {}
    for check in (_forms, _texts, _pairs, _ids):
        for finding in check(items, api):
            found.setdefault(finding.place, finding)
    gone = {place for place, finding in found.items() if finding.instead is None}
    for finding in (*_reasoning(items, api, gone), *_turns(items)):
        found.setdefault(finding.place, finding)
    return [found[place] for place in sorted(found)]


def sendable(items: Sequence[Any], api: Api = "Responses") -> list[Any]:
    """What the API accepts of a history: without what it refuses, or with what stands for that."""
    kept = list(items)
    # Again, because what goes may take the partner of another item with it.
    while refused := {each.place: each for each in diagnose(kept, api) if each.is_refused}:
        sent = [refused[i].instead if i in refused else item for i, item in enumerate(kept)]
        kept = [item for item in sent if item is not None]
    return kept


def repair(items: Sequence[Any], api: Api = "Responses") -> list[Any]:
    """The history as it can be stored anew and continued: nothing in it is refused."""
    return sendable(items, api)


def new_findings(before: Sequence[Any], after: Sequence[Any], api: Api) -> list[Finding]:
    """What the API refuses of the beginning `after` of the history `before`, but not of all."""
    known = {(each.place, each.rule) for each in diagnose(before, api)}
    found = diagnose(after, api)
    return [each for each in found if each.is_refused and (each.place, each.rule) not in known]


def safe_start(items: Sequence[Any], index: int) -> int:
    """The nearest place at or before `index` from which on a history can be sent alone."""
    return max(place for place in _cuts(items) if place <= max(index, 0))


def safe_end(items: Sequence[Any], index: int) -> int:
    """The nearest place at or after `index` before which a history can end."""
    return min(place for place in _cuts(items) if place >= min(index, len(items)))


def _cuts(items: Sequence[Any]) -> set[int]:
    """The places where a cut parts neither a tool pair nor the response of a model."""
    partners = dict(_partners(items))
    inside = {place for response in _responses(items) for place in response[1:]}
    # Where reasoning is missing, an ID at the beginning would ask for it.
    inside |= {i for i, item in enumerate(items) if _server_id(item) and not _is_reasoning(item)}
    cuts, open_until = {0, len(items)}, 0
    for place in range(len(items)):
        if place >= open_until and place not in inside:
            cuts.add(place)
        open_until = max(open_until, partners.get(place, -1) + 1)
    return cuts


# -- the rules ------------------------------------------------------------------------------


def _forms(items: Sequence[Any], api: Api) -> Iterator[Finding]:
    for place, item in enumerate(items):
        item_type = field(item, "type") or "message"
        if not isinstance(item, dict):
            yield Finding(place, "form", "Not a JSON object.", "It is not sent.")
        elif item_type == "message" and item.get("role") not in ROLES:
            problem = f"A message needs one of the roles {', '.join(ROLES)}."
            yield Finding(place, "form", problem, "It is not sent. Add it again with a role.")
        elif api == "Chat Completions" and (
            item_type not in CHAT_TYPES
            or any(field(part, "type") == "output_audio" for part in parts_of(item))
        ):
            problem = f"Chat Completions cannot carry this item ({kind(item)})."
            remedy = "It is not sent. The Responses API can carry it."
            yield Finding(place, "type", problem, remedy)


def _texts(items: Sequence[Any], api: Api) -> Iterator[Finding]:
    for place, item in enumerate(items):
        text = json.dumps(item, ensure_ascii=False)
        if (sent := whole(text)) != text:
            problem, remedy = "It holds half of a character.", "A question mark is sent for it."
            yield Finding(place, "text", problem, remedy, instead=json.loads(sent))
        elif len(text) > MAX_CHARACTERS and len(text_of(item)) > MAX_CHARACTERS:
            problem = f"Its text has more than {MAX_CHARACTERS:,} characters."
            yield Finding(place, "text", problem, "It is not sent. Store a shorter text.")


def _partners(items: Sequence[Any]) -> Iterator[tuple[int, int]]:
    """The places of each tool call and of the output after it that belongs to it."""
    waiting: dict[Pair, deque[int]] = defaultdict(deque)
    for place, item in enumerate(items):
        pair = pair_of(item)
        if pair is None or not pair[1]:
            continue
        if kind(item) == "tool call":
            waiting[pair].append(place)
        elif waiting[pair]:
            yield waiting[pair].popleft(), place


def _pairs(items: Sequence[Any], api: Api) -> Iterator[Finding]:
    paired: set[int] = set()
    for call, output in _partners(items):
        between = (field(item, "role") for item in items[call:output])
        # Chat Completions wants the outputs right after their calls.
        if api == "Responses" or not {"user", "system", "developer"} & set(between):
            paired |= {call, output}
    for place, item in enumerate(items):
        if place in paired or _may_be_alone(item):
            continue
        if kind(item) == "tool call":
            remedy = "It is not sent. Undo the turn, or make a repaired copy."
            yield Finding(place, "pair", "Tool call without its output.", remedy)
        elif kind(item) == "tool output":
            remedy = "It is not sent. A repaired copy is without it."
            yield Finding(place, "pair", "Tool output without its call.", remedy)


def _may_be_alone(item: Any) -> bool:
    """A program with what it called is the server's affair, and so is a search without an ID."""
    item_type = field(item, "type")
    is_search = item_type in ("tool_search_call", "tool_search_output")
    return (
        item_type in ("program", "program_output")
        or field(field(item, "caller"), "type") == "program"
        or (is_search and not field(item, "call_id"))
    )


def _ids(items: Sequence[Any], api: Api) -> Iterator[Finding]:
    """An ID is OpenAI's and stands for one item, a call ID for one call with its output."""
    pairs = dict(_partners(items))
    uses: Counter[tuple[Any, str]] = Counter()
    call_ids = {str(field(item, "call_id")) for item in items}
    for place, item in enumerate(items):
        if place in pairs:
            call_id = str(field(item, "call_id"))
            uses["call", call_id] += 1
            if (number := uses["call", call_id]) > 1:
                free = (f"{call_id}-{n}" for n in itertools.count(number))
                new = next(each for each in free if each not in call_ids)
                call_ids.add(new)
                problem = f"Several calls have the ID {call_id}: the SDK sends only the newest."
                for half in (place, pairs[place]):
                    numbered = {**items[half], "call_id": new}
                    remedy = "A repaired copy numbers them."
                    yield Finding(half, "ID", problem, remedy, instead=numbered)
        if api == "Responses" and (server_id := _server_id(item)):
            uses["item", server_id] += 1
            start = ID_STARTS.get(field(item, "type"), "")
            instead = None if _is_reasoning(item) else _without_id(item)
            remedy = "It is sent without the ID." if instead else "It is not sent."
            if not server_id.startswith(start):
                problem = f"Another service gave the ID {server_id}: OpenAI's begins with {start}."
                yield Finding(place, "ID", problem, remedy, instead=instead)
            elif uses["item", server_id] > 1:
                problem = f"Several items have the ID {server_id}."
                yield Finding(place, "ID", problem, remedy, instead=instead)


def _reasoning(items: Sequence[Any], api: Api, gone: set[int]) -> Iterator[Finding]:
    """Reasoning goes with the item that it led to, and an item with an ID with its reasoning."""
    if api == "Chat Completions":
        return
    thinks = any(_is_reasoning(item) for item in items)
    asked = next((i for i, item in enumerate(items) if is_user_message(item)), len(items))
    for response in _responses(items):
        thoughts = [i for i in response if _is_reasoning(items[i]) and _server_id(items[i])]
        said = [i for i in response if not _is_reasoning(items[i])]
        is_whole = bool(thoughts and said) and said[0] not in gone and _server_id(items[said[0]])
        for place in thoughts if not is_whole else []:
            problem, remedy = "Reasoning without the item that it led to.", "It is not sent."
            yield Finding(place, "reasoning", problem, remedy)
        # What a model without reasoning said has an ID too, and nothing is missing.
        if not is_whole and (thinks or response[0] < asked):
            for place in said:
                if _server_id(items[place]):
                    problem = "The reasoning that led to it is missing."
                    remedy = "It is sent without its ID, as if it had been added by hand."
                    instead = _without_id(items[place])
                    yield Finding(place, "reasoning", problem, remedy, instead=instead)


def _responses(items: Sequence[Any]) -> list[list[int]]:
    """The places of each response of a model. Reasoning comes first in it."""
    responses: list[list[int]] = []
    for place, item in enumerate(items):
        before = items[place - 1] if place else None
        if _is_made(item):
            if not _is_made(before) or (_is_reasoning(item) and not _is_reasoning(before)):
                responses.append([])
            responses[-1].append(place)
    return responses


def _turns(items: Sequence[Any]) -> Iterator[Finding]:
    """What no API refuses, but a person should know."""
    asks = [is_user_message(item) for item in items]
    starts = [i for i, asked in enumerate(asks) if asked and not (i and asks[i - 1])]
    for start, end in itertools.pairwise([*starts, len(items)]):
        turn = range(start, end)
        replies = [i for i in turn if is_assistant_message(items[i])]
        outputs = [i for i in turn if kind(items[i]) == "tool output"]
        if not is_answered(items[start:end]):
            problem = "No reply is stored to this message."
            remedy = "Retry it (a run with an empty input list), or undo the turn."
            yield Finding(start, "turn", problem, remedy, is_refused=False)
        elif sum(asks[start:end]) > 1 and len(replies) > 1 and not outputs:
            problem = "Two runs wrote at once, so the replies follow both questions."
            remedy = "Run one turn at a time in a session."
            yield Finding(replies[1], "turn", problem, remedy, is_refused=False)


def _is_reasoning(item: Any) -> bool:
    return bool(field(item, "type") == "reasoning")


def _is_made(item: Any) -> bool:
    """Whether an item is part of a model's response."""
    return field(item, "type") in _MADE or is_assistant_message(item)


def _server_id(item: Any) -> str:
    """The ID under which a server knows what belongs to the item; "" if it has none."""
    item_id = field(item, "id") if _is_made(item) else None
    return item_id if isinstance(item_id, str) and item_id != FAKE_RESPONSES_ID else ""


def _without_id(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != "id"}
