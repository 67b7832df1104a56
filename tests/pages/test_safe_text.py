"""Text of people and models shows as typed, and nothing in it is fetched or rendered."""

import ast
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_lab.pages import safe_text
from session_lab.pages.safe_text import age, as_typed, count_of, safe_parts

INVISIBLE = "\u2060"


def read(markdown: str) -> str:
    """What a Markdown renderer shows of text in which every special character is escaped."""
    shown = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown)
    return shown.replace(INVISIBLE, "").replace("\u00a0", " ")


@pytest.mark.parametrize(
    "name",
    [
        "**bold** _it_ `code` ~~s~~ $x$",
        "<b onclick=alert(1)>&amp;</b>",
        "![a](https://example.com/x.png) [a](b)",
        "# heading",
        "1. list",
        "- list",
        ":red[x] :blue-badge[y] :smile:",
        'it\'s "quoted" \\ back',
        "../../etc/passwd",
        "two  spaces   inside",
        "שלום 👩\u200d👩\u200d👧 日本",
    ],
)
def test_a_name_shows_as_typed(name: str) -> None:
    shown = as_typed(name)
    assert read(shown) == name
    assert not re.search(r"(?<!\\)[*_`~$<>\[\]#&:]", shown.replace("\\\\", "")), "Markdown is left"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a -> b", "a \\-\u2060\\> b"),
        ("<-", "\\<\u2060\\-"),
        (">= 5", "\\>\u2060\\= 5"),
        ("--", "\\-\u2060\\-"),
        (":material/home:", "\\:\u2060material/home\\:"),
        (":streamlit:", "\\:\u2060streamlit\\:"),
        ("user--1", "user\\-\\-1"),
        ("a->b", "a\\-\\>b"),
    ],
)
def test_what_streamlit_draws_as_a_symbol_is_kept_apart(name: str, shown: str) -> None:
    """It replaces these after Markdown's escapes are gone, but only between spaces."""
    assert as_typed(name) == shown


@given(st.text(max_size=60))
def test_any_text_shows_as_typed_on_one_line(text: str) -> None:
    shown = as_typed(text)
    assert re.sub(r"\s+", " ", read(shown)) == re.sub(r"\s+", " ", text.strip()).replace(
        INVISIBLE, ""
    )
    assert len(shown.splitlines()) <= 1 or not shown.isprintable()


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
        "[![a](https://example.com/leak)](x)",
        "> ![a](https://example.com/leak)",
        "\\\\![a](https://example.com/leak)",
        "- ```\n  x\n  ```\n  ![a](https://example.com/leak)",
    ],
)
def test_a_reply_holds_no_image(reply: str) -> None:
    shown = "".join(part for part, _ in safe_parts(reply))
    assert not has_image(shown) and shown.replace(INVISIBLE, "") == reply


def test_a_reply_holds_no_formula_and_no_directive() -> None:
    [(shown, _)] = safe_parts("It costs $5 or $6. :red[no] :material/home: 10:30")
    assert shown == "It costs \\$5 or \\$6. \\:red[no] :\u2060material/home: 10:30"


def test_a_code_span_in_a_reply_holds_no_backslash_of_ours() -> None:
    [(shown, _)] = safe_parts("`f:red[0]` and ``a`$5`` but :red[no], $5 and `open :red[no]")
    assert shown == "`f:red[0]` and ``a`$5`` but \\:red[no], \\$5 and `open \\:red[no]"


@given(st.text(alphabet="`~![]()\\ \n:$ax", max_size=40))
def test_no_cut_leaves_an_image_behind(reply: str) -> None:
    markdown = [part for part, language in safe_parts(reply) if language is None]
    assert not any(has_image(part) for part in markdown)


def test_a_long_reply_of_open_fences_is_cut_in_no_time() -> None:
    started = time.perf_counter()
    for reply in ("```\n" * 2000, "`" * 8000, "```a\n~~~\n" * 1000, "!\\" * 4000 + "["):
        list(safe_parts(reply))
    assert time.perf_counter() - started < 60, "backtracking would take hours"


# -- words ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-100, "just now"),
        (59, "just now"),
        (61, "1 min ago"),
        (3599, "59 min ago"),
        (3601, "1 h ago"),
        (86_399, "23 h ago"),
        (86_401, "1 d ago"),
        (86_400 * 400, "400 d ago"),
    ],
)
def test_age_in_words(seconds: float, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    assert age(2_000_000_000.0 - seconds) == words


def test_counts_in_words() -> None:
    words = [count_of(number, "item") for number in (0, 1, 2, 12345)]
    assert words == ["0 items", "1 item", "2 items", "12,345 items"]


# -- the one door -----------------------------------------------------------------------------

DOORS = {"as_typed", "item_line", "count_of", "age", "escape", "int"}
OWN = {"info.storage", "run.exit_status", "lesson.folder.name", "exercise.task", "exercise.kind"}
"""Words of the lab's own."""
PLAIN = {"readme_view.py", "session_choice.py"}
"""The first draws the repository's own files; a list of choices is plain text to Streamlit."""
NUMBER = re.compile(r",|[,.\d]*[df]")
"""A format that takes numbers alone: a text in its place is an error and no Markdown."""
KEY = re.compile(r"f'[\w-]+-({[^{}]+}[\w-]*)+'")
"""What names a widget is shown to nobody."""
MARKDOWN = {
    *("badge", "button", "caption", "checkbox", "download_button", "error", "expander", "header"),
    *("info", "markdown", "metric", "pills", "popover", "radio", "segmented_control", "status"),
    *("subheader", "success", "title", "toast", "toggle", "warning", "write"),
}
"""Calls of Streamlit whose first argument is drawn as Markdown."""
PAGES = [page for page in Path(safe_text.__file__).parent.glob("*.py") if page.name not in PLAIN]


def bypasses(source: str) -> list[str]:
    """Values that reach Markdown as they are, each as it stands in the source of a page.

    A name is taken as it is: what was put into it is checked where that was made.
    """
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    functions = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    unseen = {
        id(part)
        for node in nodes
        if (isinstance(node, ast.keyword) and node.arg == "key")
        or (isinstance(node, ast.JoinedStr) and KEY.fullmatch(ast.unparse(node)))
        or (isinstance(node, ast.Call) and ast.unparse(node.func) in DOORS)
        for part in ast.walk(node)
    }
    drawn = [
        node.args[0]
        for node in nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.attr in MARKDOWN
        and node.args
    ]
    for node in nodes:
        if isinstance(node, ast.FormattedValue) and id(node) not in unseen:
            spec = ast.unparse(node.format_spec)[2:-1] if node.format_spec else ""
            if not NUMBER.fullmatch(spec):
                drawn.append(node.value)
    return [ast.unparse(value) for value in drawn if not _is_safe(value, functions | DOORS)]


def _is_safe(value: ast.expr, calls: set[str]) -> bool:
    if isinstance(value, ast.IfExp):
        return _is_safe(value.body, calls) and _is_safe(value.orelse, calls)
    if isinstance(value, ast.BinOp):
        return _is_safe(value.left, calls) and _is_safe(value.right, calls)
    if isinstance(value, ast.GeneratorExp):
        return _is_safe(value.elt, calls)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        return value.func.attr == "join" and _is_safe(value.args[0], calls)
    if isinstance(value, ast.Call):
        return ast.unparse(value.func) in calls
    is_made_of_others = isinstance(value, ast.Constant | ast.JoinedStr | ast.Name)
    return is_made_of_others or ast.unparse(value) in OWN


@pytest.mark.parametrize("page", sorted(PAGES), ids=lambda page: page.name)
def test_no_page_puts_a_value_into_markdown_as_it_is(page: Path) -> None:
    assert bypasses(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        'st.markdown(f"**{kind(item)}**")',
        'st.expander(f"{kind(item).capitalize()}: {as_typed(name)}")',
        "st.button(info.title)",
        "st.error(str(error))",
        'st.caption("Kept: " + info.session_id)',
        'title = f"{row.created_at}"',
        'st.caption(f"{report[name]} items" if report else "none")',
    ],
)
def test_a_value_that_goes_past_the_door_is_found(line: str) -> None:
    assert len(bypasses(line)) == 1
