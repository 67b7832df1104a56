"""Text of people and models shows as typed, and nothing in it is fetched or rendered."""

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from session_lab.pages.safe_text import age, as_typed, count_of, fetches_nothing, is_json

INVISIBLE = "\u2060"
ISOLATE = "\u2068\u2069"
TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def read(markdown: str) -> str:
    """What a Markdown renderer shows of text in which every special character is escaped."""
    shown = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown.strip(ISOLATE))
    return shown.replace(INVISIBLE, "").replace("\u00a0", " ")


@given(st.text(max_size=60) | st.text(alphabet="*_`~$<>[]()#&:!-.1 \\\u2003\nab", max_size=30))
@example("two  spaces   inside")
@example("שלום 👩\u200d👩\u200d👧 日本")
@example("<b onclick=alert(1)>&amp;</b> ![a](https://example.com/x.png) :smile: $x$")
def test_any_text_shows_as_typed_on_one_line(text: str) -> None:
    shown = as_typed(text)
    typed = TURNS.sub("\ufffd", text.strip()).replace(INVISIBLE, "")
    assert re.sub(r"\s+", " ", read(shown)) == re.sub(r"\s+", " ", typed)
    assert not re.search(r"(?<!\\)[*_`~$<>\[\]#&:]", shown.replace("\\\\", "")), "Markdown is left"
    assert len(shown.splitlines()) <= 1 or not shown.isprintable()
    assert as_typed("  ") == ""


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a -> b", "a \\-\u2060\\> b"),
        (">= 5", "\\>\u2060\\= 5"),
        (":material/home:", "\\:\u2060material/home\\:"),
        (":streamlit:", "\\:\u2060streamlit\\:"),
        ("user--1", "user\\-\\-1"),
        ("a->b", "a\\-\\>b"),
    ],
)
def test_what_streamlit_draws_as_a_symbol_is_kept_apart(name: str, shown: str) -> None:
    """It replaces these after Markdown's escapes are gone, but only between spaces."""
    assert as_typed(name) == shown


def test_a_long_name_is_cut_before_it_is_escaped() -> None:
    assert as_typed("*" * 50, 10) == "\\*" * 9 + "…"
    assert as_typed("x" * 10, 10) == "x" * 10
    assert as_typed("a\n\n b\tc") == "a b c"


def test_half_a_character_does_not_keep_the_page_from_showing() -> None:
    assert as_typed("half \ud83d").encode().startswith(b"half ")


def test_a_name_turns_the_direction_of_no_sentence() -> None:
    assert as_typed("a\u202eb\u2069\u2066c") == "a\ufffdb\ufffd\ufffdc"
    assert as_typed("שלום 5") == "\u2068שלום 5\u2069"


# -- replies --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "is_code"),
    [
        ('{"a":  1}', True),
        ("[1, 2]\n", True),
        ("[]", True),
        ('"text"', False),
        ("7", False),
        ("[link](x)", False),
        ("{not json}", False),
        ("[" * 100_000, False),
        (' and {"a": 1}', False),
    ],
)
def test_a_reply_that_is_json_is_known_as_a_whole(text: str, is_code: bool) -> None:
    assert is_json(text) == is_code


@pytest.mark.parametrize(
    "text",
    [
        "![a](https://example.com/leak)",
        "text ![a][ref]\n\n[ref]: https://example.com/leak",
        "`in code ![a](https://example.com/leak)",
        "```Mermaid\ngraph TD\n```",
    ],
)
def test_markdown_that_may_fetch_something_is_known(text: str) -> None:
    assert not fetches_nothing(text)
    assert fetches_nothing("# Hi! [a](https://example.com) `x[1:2]` $5 <img src=x>")


# -- words ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (59, "just now"),
        (61, "1 min ago"),
        (3599, "59 min ago"),
        (3601, "1 h ago"),
        (86_399, "23 h ago"),
        (86_401, "1 d ago"),
    ],
)
def test_age_in_words(seconds: float, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    assert age(2_000_000_000.0 - seconds) == words
    assert age(0) == "at an unknown time"


def test_counts_in_words() -> None:
    words = [count_of(number, "item") for number in (0, 1, 2, 12345)]
    assert words == ["0 items", "1 item", "2 items", "12,345 items"]
