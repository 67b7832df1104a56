"""Why a stored item is not in a request: the memory policy, or a rule of a history."""

from __future__ import annotations

from collections.abc import Sequence

from session_lab.history.items import (
    Item,
    field,
    fingerprint,
    is_user_message,
    summary_items,
)
from session_lab.history.policies import MemoryPolicy
from session_lab.history.rules import Api, diagnose


def place_or_reason(
    policy: MemoryPolicy,
    stored: Sequence[Item],
    sent: Sequence[Item],
    api: Api = "Responses",
    is_stored: bool = False,
) -> list[int | str]:
    """For each stored item its place in the request, 1 for the first, or why it is not in it.

    `stored` is the session when the request was made; `sent` is that request, in which the message
    that is being answered comes last, before what the run itself has added. `is_stored` tells
    whether that message is among `stored`, as in a retry.
    """
    question = max((i for i, item in enumerate(sent) if is_user_message(item)), default=None)
    places = _places(stored, sent if is_stored else sent[:question])
    history = places.index(question) if question is not None and question in places else len(stored)
    # What stands right before the message belongs to it if nobody has answered that, and then more
    # was sent than the policy's count of the stored turns tells.
    summary = 2 if policy.kind == "Summary" and sent[:1] == summary_items("")[:1] else 0
    oldest = next((i for i, at in enumerate(places) if at is not None and at >= summary), history)
    start = min(policy.start(stored[:history]), oldest)
    found = diagnose(stored[start:], api)
    refused = [each for each in found if each.is_refused and each.instead is None]
    problems = {start + each.place: each for each in refused}
    # By the policy alone: in the session itself the call has its output.
    parted = {place for place, each in problems.items() if each.rule == "pair" and start}
    if parted:
        parted -= {each.place for each in diagnose(stored, api) if each.rule == "pair"}
    sent_keys = {_key(item) for item in sent}
    return [
        _policy_reason(policy)
        if index < start
        else place + 1
        if place is not None
        else "Stored twice: the SDK sends the newest."
        if _key(item)[1] and _key(item) in sent_keys
        else f"Its tool call is o{_policy_reason(policy)[1:]}"
        if index in parted
        else problems[index].problem
        if index in problems
        else "What belongs to it is not sent."
        for index, (item, place) in enumerate(zip(stored, places, strict=True))
    ]


def own_places(added: Sequence[Item], sent: Sequence[Item]) -> list[int | None]:
    """Of each item that a run stored, its place in one of the run's requests, or None.

    They stand at its end: the message that is being answered, and what came of it so far.
    """
    start = max((i for i, item in enumerate(sent) if is_user_message(item)), default=len(sent))
    places = _places(added, sent[start:])
    return [None if place is None else start + place + 1 for place in places]


def _places(stored: Sequence[Item], sent: Sequence[Item]) -> list[int | None]:
    """Where in `sent` each stored item is, matched in order from the newest backwards.

    Items with an identity are matched out of order: the SDK moves them when it drops duplicates
    (`deduplicate_input_items_preferring_latest`).
    """
    unused: dict[str, list[int]] = {}
    for index, item in enumerate(sent):
        unused.setdefault(fingerprint(item), []).append(index)
    places: list[int | None] = []
    end = len(sent)
    for item in reversed(stored):
        if not unused:  # So that a short request is found quickly in a long session.
            break
        key = fingerprint(item)
        candidates = unused.get(key, [])
        in_order = not _key(item)[1]
        while candidates and candidates[-1] >= end and in_order:
            candidates.pop()
        places.append(candidates.pop() if candidates else None)
        if not candidates:
            unused.pop(key, None)
        if places[-1] is not None and in_order:
            end = places[-1]
    return [None] * (len(stored) - len(places)) + places[::-1]


def _key(item: Item) -> tuple[str, str]:
    """What the SDK tells duplicates by: a type and an identity, which a message has none of."""
    is_message = field(item, "role") is not None or field(item, "type") == "message"
    identity = None if is_message else field(item, "call_id") or field(item, "id")
    return str(field(item, "type")), str(identity or "")


def _policy_reason(policy: MemoryPolicy) -> str:
    if policy.kind == "Summary":
        return "Replaced by the summary."
    return f"Outside the {str(policy)[0].lower()}{str(policy)[1:]}."
