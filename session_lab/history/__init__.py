"""The history of a session as a list of items: pure functions, no database, model or page."""
