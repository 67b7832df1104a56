"""What Streamlit has no element for: a button that copies a text, and a region read aloud."""

from __future__ import annotations

from typing import Any

import streamlit as st

COPY = {
    "html": '<button type="button">Copy</button>',
    "css": """button {
    background: none; border: 0; padding: 0.25rem 0; font: inherit; font-size: 0.875rem;
    color: var(--st-text-color); cursor: pointer
}""",
    "js": """export default ({ parentElement, data }) => {
    const button = parentElement.querySelector("button")
    button.onclick = async () => {
        await navigator.clipboard.writeText(data)
        button.textContent = "Copied"
        setTimeout(() => { button.textContent = "Copy" }, 2000)
    }
}""",
}
READ_ALOUD = {
    "js": """export default ({ data }) => {
    const region = document.querySelector(".st-key-" + data.key)
    for (const [name, value] of Object.entries(data.attributes)) region?.setAttribute(name, value)
}"""
}


def copy_button(text: str, key: str) -> None:
    """Draw it. The text goes to the browser as data, never as HTML."""
    _draw("copy_button", COPY, key, text, width="content")


def read_aloud(container_key: str, label: str) -> None:
    """Have a screen reader read what is new in a container, which the keyboard can scroll."""
    attributes = {"role": "log", "aria-label": label, "tabindex": "0"}
    data = {"key": container_key, "attributes": attributes}
    _draw("read_aloud", READ_ALOUD, f"aloud-{container_key}", data)


def _draw(name: str, source: dict[str, Any], key: str, data: Any, **layout: Any) -> None:
    # Declared each time: the second declaration changes nothing, and a new runtime knows none.
    st.components.v2.component(name, **source)(key=key, data=data, height="content", **layout)
