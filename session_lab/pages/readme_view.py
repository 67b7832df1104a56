"""A README of this repository on a page: its diagrams drawn, its links leading somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import streamlit as st

from session_lab.lessons.runner import LESSONS, ROOT

_FENCE = re.compile(r"^```(\w*)\n(.*?)\n```$", re.M | re.S)
_DETAILS = re.compile(r"<details>\s*<summary>(.*?)</summary>(.*?)</details>", re.S)
_TERMINAL = re.compile(r"<!-- terminal -->.*?<!-- /terminal -->\n*", re.S)
"""What only a person at a terminal needs: here the button `Run` stands above."""
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^(#{1,4} )", re.M)
"""Two levels lower, a heading fits below the page's own."""


def show_readme(readme: Path) -> None:
    """Draw the whole README; a folded part of it is an expander."""
    parts = _DETAILS.split(_TERMINAL.sub("", readme.read_text(encoding="utf-8")))
    _show_blocks(parts[0], readme.parent)
    for summary, folded, after in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        with st.expander(summary.strip()):
            _show_blocks(folded, readme.parent)
        _show_blocks(after, readme.parent)


def _show_blocks(text: str, folder: Path) -> None:
    parts = _FENCE.split(text)
    for prose, language, code in zip(
        parts[::3], [*parts[1::3], ""], [*parts[2::3], ""], strict=True
    ):
        if prose.strip():
            st.markdown(_HEADING.sub(r"##\1", linked(prose, folder)))
        if language == "mermaid":
            st.mermaid_chart(code)
        elif code:
            st.code(code, language=language or None, wrap_lines=True)


def linked(text: str, folder: Path) -> str:
    """The Markdown with links that work here: to another lesson's tab, to the web, or no link.

    `folder` is where the README lies, which relative links start from. The app serves no files of
    the repository, so a link to one of them is shown as its path.
    """
    lessons = {lesson.readme.resolve(): lesson.folder.name for lesson in LESSONS}

    def replace(link: re.Match[str]) -> str:
        text, target = link.groups()
        if target.startswith(("https://", "#")):
            return link.group()
        file = (folder / target.partition("#")[0]).resolve()
        if file in lessons:
            return f"[{text}](?lesson={lessons[file]})"
        path = file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else file.name
        return f"{text} (`{path}`)" if path not in text else text

    return _LINK.sub(replace, text)
