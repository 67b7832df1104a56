"""A button that copies a text, which Streamlit has for code alone."""

from __future__ import annotations

import streamlit as st

_button = st.components.v2.component(
    "copy_button",
    html='<button type="button">Copy</button>',
    css="""button {
    background: none; border: 0; padding: 0.25rem 0; font: inherit; font-size: 0.875rem;
    color: var(--st-text-color); cursor: pointer
}""",
    js="""export default ({ parentElement, data }) => {
    const button = parentElement.querySelector("button")
    button.onclick = async () => {
        await navigator.clipboard.writeText(data)
        button.textContent = "Copied"
        setTimeout(() => { button.textContent = "Copy" }, 2000)
    }
}""",
)


def copy_button(text: str, key: str) -> None:
    """Draw it. The text goes to the browser as data, never as HTML."""
    _button(key=key, data=text, width="content", height="content")
