"""The lessons of this repository: run in a process of their own, and their exercises checked."""
