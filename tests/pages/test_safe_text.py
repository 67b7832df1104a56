"""Text of people and models shows as typed, and nothing in it is fetched or rendered."""

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from session_lab.pages.safe_text import age, as_typed, count_of, safe_parts

INVISIBLE = "\u2060"


def read(markdown: str) -> str:
    """What a Markdown renderer shows of text in which every special character is escaped."""
    shown = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown)
    return shown.replace(INVISIBLE, "").replace("\u00a0", " ")


@given(st.text(max_size=60) | st.text(alphabet="*_`~$<>[]()#&:!-.1 \\\u2003\nab", max_size=30))
@example("two  spaces   inside")
@example("שלום 👩\u200d👩\u200d👧 日本")
@example("<b onclick=alert(1)>&amp;</b> ![a](https://example.com/x.png) :smile: $x$")
def test_any_text_shows_as_typed_on_one_line(text: str) -> None:
    shown = as_typed(text)
    assert re.sub(r"\s+", " ", read(shown)) == re.sub(r"\s+", " ", text.strip()).replace(
        INVISIBLE, ""
    )
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
    for text in (as_typed("half \ud83d"), *(part for part, _ in safe_parts("half \ud83d"))):
        assert text.encode() and text.startswith("half ")


# -- replies --------------------------------------------------------------------------------


def test_code_blocks_are_cut_out_with_their_language() -> None:
    reply = "Look:\n```python\nprint('![x](y)')\n```\nand\n~~~\nplain\n~~~\nend"
    assert list(safe_parts(reply)) == [
        ("Look:\n", None),
        ("print('![x](y)')", "python"),
        ("\nand\n", None),
        ("plain", ""),
        ("\nend", None),
    ]


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("```\nnever closed ![a](b)", ["never closed ![a](b)"]),
        ("````\n```\ninner\n```\n````\n", ["```\ninner\n```"]),
        ("```js x``` is inline\n![a](b)\n", []),
        ("    ```\n![a](b)", []),
    ],
)
def test_fences_that_are_no_pairs(reply: str, code: list[str]) -> None:
    parts = list(safe_parts(reply))
    assert [part for part, language in parts if language is not None] == code
    assert not any(has_image(part) for part, language in parts if language is None)


def has_image(markdown: str) -> bool:
    return re.search(r"!\\*\[", markdown) is not None


@pytest.mark.parametrize(
    "reply",
    [
        "![a](https://example.com/leak)",
        "text ![a][ref]\n\n[ref]: https://example.com/leak",
        "\\\\![a](https://example.com/leak)",
        "- ```\n  x\n  ```\n  ![a](https://example.com/leak)",
    ],
)
def test_a_reply_holds_no_image(reply: str) -> None:
    shown = "".join(part for part, _ in safe_parts(reply))
    assert not has_image(shown) and shown.replace(INVISIBLE, "") == reply


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        (
            "It costs $5 or $6. :red[no] :material/home: 10:30",
            "It costs \\$5 or \\$6. \\:red[no] :\u2060material/home: 10:30",
        ),
        (
            "`f:red[0]` and ``a`$5`` but :red[no], $5 and `open :red[no]",
            "`f:red[0]` and ``a`$5`` but \\:red[no], \\$5 and `open \\:red[no]",
        ),
    ],
)
def test_a_reply_holds_no_formula_and_no_directive(reply: str, shown: str) -> None:
    assert list(safe_parts(reply)) == [(shown, None)]


@given(st.text(alphabet="`~![]()\\ \n:$ax", max_size=40))
def test_no_cut_leaves_an_image_behind(reply: str) -> None:
    markdown = [part for part, language in safe_parts(reply) if language is None]
    assert not any(has_image(part) for part in markdown)


def test_a_long_reply_of_open_fences_is_cut_in_no_time() -> None:
    started = time.perf_counter()
    for reply in ("```\n" * 1000, "`" * 4000, "```a\n~~~\n" * 500, "!\\" * 2000 + "["):
        list(safe_parts(reply))
    assert time.perf_counter() - started < 60, "backtracking would take hours"


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


def test_counts_in_words() -> None:
    words = [count_of(number, "item") for number in (0, 1, 2, 12345)]
    assert words == ["0 items", "1 item", "2 items", "12,345 items"]
