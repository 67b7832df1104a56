"""The session lab: streamlit run streamlit_sessions_app.py"""

from pathlib import Path

import streamlit as st
from streamlit.delta_generator_singletons import context_dg_stack, get_default_dg_stack_value

PAGES = Path(__file__).resolve().parent / "session_lab" / "pages"

# Streamlit leaves wide margins; the conversation and the inspector need the room. Both end where
# the window ends, however high it is, so that the input below the conversation is in sight.
STYLE = """<style>
.stMainBlockContainer {padding: 4rem 1.5rem 1rem}
.st-key-conversation, .st-key-inspector-panel {height: 100% !important}
:has(> .st-key-conversation), :has(> .st-key-inspector-panel) {flex: none !important}
:has(> .st-key-conversation) {height: max(12rem, calc(100dvh - 21rem)) !important}
:has(> .st-key-inspector-panel) {height: max(12rem, calc(100dvh - 9rem)) !important}
.as-written {white-space: pre-wrap; overflow-wrap: anywhere}
.as-written, .stChatMessage p, .stChatMessage li, textarea {unicode-bidi: plaintext}
@media (max-width: 1000px) {
    :has(> .st-key-conversation) {height: max(12rem, calc(100dvh - 29rem)) !important}
}
@media (max-width: 640px) {
    :has(> .st-key-conversation) {height: max(12rem, calc(100dvh - 27rem)) !important}
}
@media print {
    :has(.st-key-conversation), .st-key-conversation {
        display: block !important; height: auto !important; overflow: visible !important;
        position: static !important
    }
    .stSidebar, .st-key-actions, .stColumn:has(.st-key-inspector-panel) {display: none !important}
}
</style>"""

# A request that comes while a dialog is drawn alone finds Streamlit still inside that dialog, where
# the whole page would be drawn.
context_dg_stack.set(get_default_dg_stack_value())
# An emoji, because the browser would fetch a Material icon for its tab from fonts.gstatic.com.
st.set_page_config(page_title="Session lab", page_icon="💬", layout="wide")
st.html(STYLE)
page = st.navigation(
    [
        st.Page(PAGES / "chat.py", title="Chat", icon=":material/forum:", default=True),
        st.Page(PAGES / "compare.py", title="Compare", icon=":material/compare_arrows:"),
        st.Page(PAGES / "lessons.py", title="Lessons", icon=":material/school:"),
    ],
    position="top",
)
page.run()
