"""The rows of the sessions: one SQLite database, session files, and what the rows prove."""
