"""The app run without a browser: what a person can press on a page, read there, and find stored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import streamlit as st
from agents import SQLiteSession
from lab_tools import query, stored
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parent.parent.parent
FIRST = "my_first_session"


class Page:
    """One tab. Each tab of a test is of the same process, until `end_the_process`."""

    def __init__(self, db_path: Path, session_id: str | None = None, **address: str) -> None:
        self.db_path = db_path
        self._set: dict[str, Any] = {}
        self.app = AppTest.from_file(str(ROOT / "streamlit_sessions_app.py"), default_timeout=60)
        self.app.query_params.update(address, **{"session": session_id} if session_id else {})
        self.run()

    def run(self) -> Page:
        for key, value in self._set.items():
            self.app.session_state[key] = value
        self.app.run()
        assert not self.app.exception
        return self

    def go(self, page: str) -> Page:
        self.app.switch_page(f"session_lab/pages/{page}.py")
        return self.run()

    def press(self, label: str) -> Page:
        self.by_label("button", label).click()
        return self.run()

    def menu(self, option: str) -> Page:
        self.app.menu_button[0].click(option)
        return self.run()

    def fill(self, label: str, value: Any) -> Page:
        """Type into an input; what stands in a form is sent with its button."""
        kinds = ("text_input", "text_area", "number_input", "radio")
        kind = next(k for k in kinds if [w for w in getattr(self.app, k) if w.label == label])
        self.by_label(kind, label).set_value(value)
        return self

    def choose(self, label: str, value: Any) -> Page:
        self.run()  # Lists what another program stored meanwhile.
        self.by_label("selectbox", label).select(value)
        return self.run()

    def say(self, *texts: str) -> Page:
        for text in texts:
            self.app.chat_input[0].set_value(text)
            self.run()
        return self

    def set(self, key: str, value: Any) -> Page:
        """As the browser does with each request, for what AppTest can't press: tab, fold, page."""
        self._set[key] = value
        return self.run()

    def tab(self, name: str) -> Page:
        return self.set("inspector", name)

    def by_label(self, kind: str, label: str) -> Any:
        return next(each for each in getattr(self.app, kind) if each.label == label)

    @property
    def html(self) -> str:
        return "\n".join(each.proto.body for each in self.app.get("html"))

    @property
    def as_written(self) -> list[str]:
        """The messages that are shown as they are stored."""
        return _as_written(self.app)

    @property
    def shown(self) -> str:
        """Every text on the page."""
        app = self.app
        alerts = (*app.error, *app.warning, *app.info, *app.success, *app.toast)
        texts = [each.value for each in (*app.markdown, *app.caption, *app.text, *alerts)]
        return "\n".join([*texts, *(each.label for each in app.expander), *self.as_written])

    @property
    def replies(self) -> list[str]:
        """Each reply with its label."""
        found = [each for each in self.app.chat_message if each.name == "assistant"]
        return [
            "\n".join([*(m.value for m in (*each.markdown, *each.caption)), *_as_written(each)])
            for each in found
        ]

    @property
    def listed(self) -> list[str]:
        """The session list."""
        return self.app.radio(key="open").options if self.app.radio else []

    def rows(self, session_id: str = FIRST) -> list[dict[str, Any]]:
        return stored(self.db_path, session_id)

    def kinds(self, session_id: str = FIRST) -> list[str]:
        """The role or the type of each stored item."""
        return [item.get("role") or item["type"] for item in self.rows(session_id)]

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return query(self.db_path, sql, *values)


def _as_written(block: Any) -> list[str]:
    start, end = '<div class="as-written">', "</div>"
    bodies = [element.proto.body for element in block.get("html")]
    return [unescape(body[len(start) : -len(end)]) for body in bodies if body.startswith(start)]


def end_the_process() -> None:
    """As good as it: the lab is closed, and the next click opens another."""
    st.cache_resource.clear()


def store(db_path: Path, session_id: str, *items: Any) -> None:
    """As another program would, with the SDK alone."""
    session = SQLiteSession(session_id, db_path)
    asyncio.run(session.add_items(list(items)))
    session.close()


Open = Callable[..., Page]
