"""Everything that was done to a session, as one program that builds the session again."""

from __future__ import annotations

from collections.abc import Sequence

from session_lab.code_view.actions import Action, CreateSession, open_code
from session_lab.code_view.program import program

DATABASE = "session.db"
"""The script's file, in the folder where it is run."""

_DOCSTRING = '''\
"""What was done to a session, as one program. It needs `pip install openai-agents`, and no key.

It builds the session in session.db, in the folder where it is run, and prints the session's items,
one JSON object a line. Each run stands as a comment above the items that it stored: no model is
asked.
"""

'''


def script(actions: Sequence[Action]) -> str:
    """A program that needs only `openai-agents` and rebuilds the session in `session.db`.

    Raises:
        ValueError: the first action is not `CreateSession`.
    """
    if not actions or not isinstance(actions[0], CreateSession):
        raise ValueError("A script begins with the creation of its session.")
    body = [
        open_code(actions[0].session_id, DATABASE),
        "await session.clear_session()  # what an earlier run of this script left",
        *(line for action in actions[1:] for line in action.rebuild(DATABASE)),
        "for item in await session.get_items():",
        "    print(json.dumps(item))",
        "session.close()",
    ]
    return _DOCSTRING + program(body)
