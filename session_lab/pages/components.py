"""What Streamlit has no element for: a button that copies a text, and a region read aloud."""

from __future__ import annotations

import streamlit as st

_copy = st.components.v2.component(
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

_read_aloud = st.components.v2.component(
    "read_aloud",
    js="""export default ({ data }) => {
    const region = document.querySelector(".st-key-" + data.key)
    for (const [name, value] of Object.entries(data.attributes)) region?.setAttribute(name, value)
}""",
)


def copy_button(text: str, key: str) -> None:
    """Draw it. The text goes to the browser as data, never as HTML."""
    _copy(key=key, data=text, width="content", height="content")


def read_aloud(container_key: str, label: str) -> None:
    """Have a screen reader read what is new in a container, which the keyboard can scroll."""
    attributes = {"role": "log", "aria-label": label, "tabindex": "0"}
    data = {"key": container_key, "attributes": attributes}
    _read_aloud(key=f"aloud-{container_key}", data=data, height="content")
