"""The session lab: streamlit run streamlit_sessions_app.py"""

import importlib
import sys
from pathlib import Path

import streamlit as st
from streamlit.delta_generator_singletons import context_dg_stack, get_default_dg_stack_value

from session_lab.pages.welcome import show_welcome

THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
PAGES = Path(__file__).resolve().parent / "session_lab" / "pages"

# A request that comes while a dialog is drawn alone finds Streamlit still inside that dialog, where
# the whole page would be drawn.
context_dg_stack.set(get_default_dg_stack_value())
# An emoji, because the browser would fetch a Material icon for its tab from fonts.gstatic.com.
st.set_page_config(page_title="Session lab", page_icon="💬", layout="wide")
st.html(PAGES / "css" / "lab.css")
st.html(PAGES / "css" / f"{st.context.theme.type or 'light'}.css")
if st.get_option("server.address") not in THIS_MACHINE:
    st.error(
        "This lab shows and changes every session, whoever opens it. So it works only at the "
        "address `localhost`: start it without `--server.address`. The README of lesson 7.3 shows "
        "how to build a chat app that several people share."
    )
    st.stop()
page = st.navigation(
    [
        st.Page(PAGES / "chat.py", title="Chat", icon=":material/forum:", default=True),
        st.Page(PAGES / "compare.py", title="Compare", icon=":material/compare_arrows:"),
        st.Page(PAGES / "lessons.py", title="Lessons", icon=":material/school:"),
    ],
    position="top",
)
first_words = st.empty()  # Always, or all below would stand twice in the next script.
if "agents" not in sys.modules:  # The SDK's import takes a second or two.
    with first_words.container():
        show_welcome()
    importlib.import_module("agents")
    first_words.empty()
# Streamlit forgets what a page does not draw. What an exercise asks for outlasts a visit to Chat,
# and so does what is compared: without it the result would not be found again.
for key in map(str, st.session_state):
    if key.startswith(("exercise-", "compare-")):
        st.session_state[key] = st.session_state[key]
page.run()
