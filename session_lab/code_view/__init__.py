"""The code that the lab shows: its agents, each click, and a whole session as a script."""
