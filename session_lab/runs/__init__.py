"""What the pages call: runs and changes, on one event loop of the process."""
