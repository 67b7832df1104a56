"""A reply while it is being written, for every page that starts a run."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from session_lab.pages.conversation import as_written, show_reply, show_tool
from session_lab.pages.safe_text import SHOWN_CHARACTERS, as_typed
from session_lab.runs.live_turn import LiveTurn


class LiveReply:
    """The question, the tool items as they come, and the text so far, drawn in one place."""

    def __init__(self, live: LiveTurn, place: DeltaGenerator) -> None:
        self._live = live
        self._shown_tools = 0
        with place:
            if live.text is not None:
                with st.chat_message("user"):
                    as_written(live.text[:SHOWN_CHARACTERS])
            self._tools = st.container()
            with st.chat_message("assistant"):
                self._reply = st.empty()

    def draw(self) -> None:
        """Show what came since the last call."""
        with self._tools:
            for item in self._live.tools[self._shown_tools :]:
                with st.chat_message("tool", avatar=":material/build:"):
                    show_tool(item)
                self._shown_tools += 1
        with self._reply.container():
            if self._live.reply:
                # Cut here: what `show_reply` offers for more is a widget, and this is drawn often.
                show_reply(self._live.reply[:SHOWN_CHARACTERS], f"live-{self._live.session_id}")
            else:
                st.caption(f"{as_typed(self._live.agent)} is thinking…")
