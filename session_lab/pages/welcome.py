"""What a visitor reads first: on screen while the SDK is imported, and in an empty session."""

from __future__ import annotations

import streamlit as st


def show_welcome() -> None:
    st.markdown(
        "What is stored and what the model is sent are two lists. Say something, and watch the "
        "strip above: filled is sent with the next message, hollow is stored only."
    )
    st.page_link(
        "session_lab/pages/lessons.py", label="Start with lesson 7.1", icon=":material/school:"
    )
