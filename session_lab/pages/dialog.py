"""What every dialog is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import streamlit as st

from session_lab.history.rules import Api, Finding
from session_lab.pages.safe_text import as_typed, count_of, item_line
from session_lab.pages.tab import Dialog, Tab, ask, carry_out, show_outcome, this_tab
from session_lab.runs.lab import Lab

LISTED = 6
"""So that the button below the list is in view on a phone too."""


def dialog(title: str, draw: Callable[[], None]) -> Dialog:
    """A dialog that is drawn until a person closes it or the tab has no use for it any more."""

    def show() -> None:
        tab = this_tab()

        def content() -> None:
            if tab.dialog is not show:
                st.rerun()
            show_outcome(tab)
            draw()

        def dismiss() -> None:
            if tab.dialog is show:  # Not one that was opened since.
                tab.dialog = None

        st.dialog(title, on_dismiss=dismiss)(content)()

    return show


def dialog_button(
    label: str, lab: Lab, tab: Tab, make: Callable[[Lab, Tab, str], Dialog], **look: Any
) -> None:
    """A button that opens a dialog about the session in view, whose ID `make` is given."""
    st.button(label, on_click=ask, args=(tab, partial(make, lab, tab)), **look)


@contextmanager
def form(tab: Tab, label: str, do: Callable[[], None]) -> Iterator[None]:
    """Inputs that are sent together, by Enter or by the button `label` below them."""
    with st.form(label, border=False):
        yield
        button(tab, label, do, st.form_submit_button)


def button(
    tab: Tab,
    label: str,
    do: Callable[[], None],
    draw: Callable[..., object] = st.button,
    *,
    is_lost: bool = False,
) -> None:
    """The button that does it, in red if something is lost."""

    def do_once() -> None:
        if tab.dialog is not None:  # Else the press before has done it, and closed the dialog.
            carry_out(tab, do)

    draw(label, type="primary", on_click=do_once, key="destroy" if is_lost else None)


def warn(findings: Sequence[Finding], api: Api, instead: str) -> None:
    """What the API will not accept after this, and what can be done instead."""
    if findings:
        problems = " ".join(dict.fromkeys(as_typed(finding.problem) for finding in findings))
        st.warning(
            f"After this, the {api} API refuses {count_of(len(findings), 'item')}, so the lab will "
            f"not send them. {problems} {instead}",
            icon=":material/link_off:",
        )


def list_items(items: Sequence[Any]) -> None:
    if len(items) > LISTED:
        st.caption(f"{len(items) - LISTED:,} earlier, then:")
    for item in items[-LISTED:]:
        st.markdown(f"- {item_line(item, 90)}")
