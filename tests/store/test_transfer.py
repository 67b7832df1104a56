"""What is exported can be imported; what cannot is refused with a sentence that says why."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_tools import call, json_values, output

from session_lab.history.items import assistant_item, user_item
from session_lab.store.database import CatalogError
from session_lab.store.transfer import MAX_BYTES, MAX_DEPTH, export_session, parse_session

HI: Any = user_item("hi")
CALL, OUTPUT = call("c"), output("c")
ITEMS: list[Any] = [HI, CALL, OUTPUT, assistant_item("hello")]
LARGE = "x" * (MAX_BYTES + 1_000_000)


def file_with(**changes: Any) -> str:
    content = json.loads(export_session("user_123", "Title", ITEMS)) | changes
    return json.dumps({name: value for name, value in content.items() if value is not ...})


def nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


parts = st.builds(
    lambda text, more: {**more, "type": "input_text", "text": text},
    st.text(),
    st.dictionaries(st.text(), json_values, max_size=2),
)
messages = st.builds(
    lambda role, content: {"role": role, "content": content},
    st.sampled_from(["user", "assistant", "system", "developer"]),
    st.text() | st.lists(parts, max_size=3),
)
others = st.builds(
    lambda more, name: {**more, "id": "x", "role": None, "type": name},
    st.dictionaries(st.text(), json_values, max_size=3),
    st.sampled_from(["reasoning", "web_search_call", "of_the_future"]),
)
items = st.one_of(messages, others, st.sampled_from(ITEMS))


@given(st.text(min_size=1), st.text(), st.lists(items, min_size=1, max_size=6))
def test_what_is_exported_can_be_imported(session_id: str, title: str, items: list[Any]) -> None:
    text = export_session(session_id, title, items)
    for form in (text, text.encode(), text.encode("utf-8-sig")):  # Windows' editors add a BOM.
        found = parse_session(form)
        assert (found.session_id, found.title, found.items) == (session_id, title, items)


def test_the_file_can_be_read_by_a_person() -> None:
    text = export_session("user_123", "Zoë 🙂", [user_item("hi")])
    head = {"format": "openai-agents-session", "version": 1, "session_id": "user_123"}
    content = {**head, "title": "Zoë 🙂", "items": [{"role": "user", "content": "hi"}]}
    assert json.loads(text) == content and list(json.loads(text)) == list(content)
    assert "Zoë 🙂" in text and len(text.splitlines()) > 5


@pytest.mark.parametrize(
    "item", [user_item("\ud83d"), {"type": "future", "more": nested(MAX_DEPTH - 1)}]
)
def test_an_odd_item_is_harmless(item: Any) -> None:
    assert parse_session(export_session("s", "", [item]).encode()).items == [item]
    assert parse_session(file_with(title=...)).title == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read as JSON: Expecting value: line 1 column 1"),
        (b"\xff\xfe\x00", "cannot be read as JSON: 'utf-8' codec can't decode"),
        ("[" * 100_000, "cannot be read as JSON: "),
        (file_with().replace('"hi"', "9" * 9999), "cannot be read as JSON: Exceeds the limit"),
        ("[]", "not a session file"),
        (file_with(format="something"), "not a session file"),
        (file_with(version=2), "version: Input should be 1"),
        (file_with(version=...), "version: Field required"),
        (file_with(session_id=""), "session_id: String should have at least 1 character"),
        (file_with(title=7), "title: Input should be a valid string"),
        (file_with(items={}), "items: Input should be a valid list"),
        (file_with(items=[]), "has no items"),
        (LARGE, "at most 20 MB, not 21"),
    ],
    ids=range(13),
)
def test_a_broken_file_is_refused(text: str | bytes, message: str) -> None:
    with pytest.raises(CatalogError, match=message):
        parse_session(text)


@pytest.mark.parametrize("items", [[], [user_item(LARGE)]], ids=len)
def test_what_could_not_be_imported_is_not_exported(items: list[Any]) -> None:
    with pytest.raises(CatalogError, match="at most 20 MB, not 21" if items else "has no items"):
        export_session("s", "", items)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (None, "Input should be a valid dictionary"),
        ("x\n" * 9999, "Input should be a valid dictionary"),
        ({"role": "robot", "content": "hi"}, "role: Input should be 'user', 'assistant', "),
        ({**HI, "type": 7}, "type: Input should be an instance of str"),
        ({**HI, "id": 7}, "id: Input should be an instance of str"),
        ({"role": "user"}, "content: Field required"),
        ({**HI, "content": 7}, "content: Input should be a text or a list of parts"),
        ({**HI, "content": [{"text": "hi"}]}, "content.parts.0.type: Field required"),
        ({**CALL, "arguments": {}}, "arguments: Input should be an instance of str"),
        ({**OUTPUT, "output": 7}, "output: Input should be a text or a list of parts"),
        ({**HI, "more": nested(MAX_DEPTH)}, "nested more than 50 deep"),
        ({**HI, "more": math.nan}, "it holds nan, which is not a JSON number"),
    ],
)
def test_a_broken_item_is_refused_on_the_way_in_and_on_the_way_out(item: Any, message: str) -> None:
    for transfer in (
        lambda: parse_session(file_with(items=[HI, item])),
        lambda: export_session("s", "", [HI, item]),
    ):
        with pytest.raises(CatalogError, match=f"^Item 2: .*{message}") as raised:
            transfer()
        assert len(str(raised.value)) < 120 and "\n" not in str(raised.value)


@given(st.binary() | st.text() | json_values.map(json.dumps))
def test_any_other_file_is_refused_in_words(text: str | bytes) -> None:
    with pytest.raises(CatalogError):
        parse_session(text)
