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
        # What would turn the direction of the sentence around it, or is half a character.
        ("a\u202eb\u2069\u2066c", "a\ufffdb\ufffd\ufffdc"),
        ("שלום 5", "\u2068שלום 5\u2069"),
        ("half \ud83d", "half ?"),
        ("a\n\n b\tc", "a b c"),
        # Cut before it is escaped.
        ("x" * 200, "x" * 200),
        ("*" * 201, "\\*" * 199 + "…"),
    ],
)
def test_what_streamlit_or_a_browser_would_draw_as_something_else(name: str, shown: str) -> None:
    """Symbols are replaced after Markdown's escapes are gone, but only between spaces."""
    assert as_typed(name) == shown


def test_a_reply_that_is_json_is_known_as_a_whole() -> None:
    assert all(map(is_json, ('{"a":  1}', "[1, 2]\n", "[]")))
    others = ('"text"', "7", "[link](x)", "{not json}", "[" * 100_000, ' and {"a": 1}')
    assert not any(map(is_json, others))


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


def test_ages_and_counts_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 2_000_000_000.0
    monkeypatch.setattr(time, "time", lambda: now)
    ages = [age(now - seconds) for seconds in (59, 61, 3599, 3601, 86_399, 86_401)]
    assert ages == [*("just now", "1 min ago", "59 min ago", "1 h ago", "23 h ago", "1 d ago")]
    assert age(0) == "at an unknown time"
    words = [count_of(number, "item") for number in (0, 1, 2, 12345)]
    assert words == ["0 items", "1 item", "2 items", "12,345 items"]
