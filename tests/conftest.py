"""What holds for every test: no key, no `.env`, no tracing, no network beyond this machine.

It is set in the environment while this file is imported, so that it also holds in the programs that
tests start.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import settings

TESTS = Path(__file__).resolve().parent
NO_NETWORK = TESTS / "no_network"


def _close_the_run_off() -> None:
    for name in [name for name in os.environ if name.startswith("OPENAI_")]:
        del os.environ[name]
    # Blank counts as not set, and a variable that exists is not taken from .env.
    os.environ.update(OPENAI_API_KEY="", OPENAI_BASE_URL="", SESSIONS_DB="")
    os.environ["PYTHON_DOTENV_DISABLED"] = "1"
    os.environ["OPENAI_AGENTS_DISABLE_TRACING"] = "1"
    paths = [str(NO_NETWORK), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    sys.path.insert(0, str(NO_NETWORK))
    sys.modules.pop("sitecustomize", None)
    importlib.import_module("sitecustomize")
    sys.path.append(str(TESTS.parent))


_close_the_run_off()
# A slow machine is no failure: how long an example takes is measured in benchmarks/, not here.
settings.register_profile("any-speed", deadline=None)
settings.load_profile("any-speed")


@pytest.fixture
def openai_unset(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No OPENAI_ variable and no client at all; what a test sets is undone after it."""
    # The SDK has no call that forgets the client of `set_default_openai_client`.
    monkeypatch.setattr("agents.models._openai_shared._default_openai_client", None)
    with mock.patch.dict(os.environ):
        for name in [name for name in os.environ if name.startswith("OPENAI_")]:
            del os.environ[name]
        yield
        # Now, as what it found not set is set again in a moment, and must not be deleted then.
        monkeypatch.undo()


@pytest.fixture(scope="session")
def need() -> Callable[[object, str], None]:
    """`need(condition, reason)` skips a test on a laptop, and fails it where CI=true."""

    def check(condition: object, reason: str) -> None:
        if condition:
            return
        if os.environ.get("CI") == "true":
            pytest.fail(f"needed in CI: {reason}")
        pytest.skip(reason)

    return check
