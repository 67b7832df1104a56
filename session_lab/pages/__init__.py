"""The pages of the app: Streamlit only, no storage and no SDK logic."""
