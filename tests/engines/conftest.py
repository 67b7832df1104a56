"""PostgreSQL and Redis for the tests marked `engines`: on loopback, and gone with the tests.

apt-get install postgresql redis-server && pip install -r requirements-scale.txt
python -m pytest -m engines
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from readme_checks import ROOT, offline_environment

Need = Callable[[object, str], None]
# The server ends when this program's stdin does, so also when the tests are killed.
UNTIL_STDIN_ENDS = '"$@" & cat; kill -INT $!; wait'


def found(program: str) -> str | None:
    """Where a program of a server is; Debian keeps PostgreSQL's off the PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parts[4]))
    path = os.pathsep.join([os.environ["PATH"], *map(str, reversed(folders))])
    return shutil.which(program, path=path)


def unprivileged() -> dict[str, Any]:
    """How `subprocess` starts a program as nobody, if this is root: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    import pwd

    return {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}


@contextmanager
def folder_of_the_server() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        if unprivileged():
            shutil.chown(folder, "nobody")
        yield Path(folder)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def serving(folder: Path, command: list[str], is_ready: list[str]) -> Iterator[None]:
    """Run a server; `is_ready` is a command that succeeds once it answers."""
    started = ["sh", "-c", UNTIL_STDIN_ENDS, "sh", *command]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            started, cwd=folder, stdin=subprocess.PIPE, stdout=log, stderr=log, **unprivileged()
        ),
    ):
        deadline = time.monotonic() + 60
        while subprocess.run(is_ready, capture_output=True, check=False).returncode:
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.02)
        yield


@pytest.fixture(scope="session")
def database_url(need: Need) -> Iterator[str]:
    """The address of an empty PostgreSQL database, as SQLAlchemy takes it."""
    need(importlib.util.find_spec("asyncpg"), "pip install -r requirements-scale.txt")
    initdb, server, is_ready = (found(name) for name in ("initdb", "postgres", "pg_isready"))
    need(initdb and server and is_ready, "apt-get install postgresql")
    address = ["-h", "127.0.0.1", "-p", str(port := free_port())]
    with folder_of_the_server() as folder:
        create = [str(initdb), "-D", str(folder / "data"), "-U", "tests", "-A", "trust", "-N"]
        create += ["-E", "UTF8", "--locale=C"]
        subprocess.run(create, check=True, capture_output=True, cwd=folder, **unprivileged())
        command = [str(server), "-D", str(folder / "data"), *address, "-k", "", "-F"]
        with serving(folder, command, [str(is_ready), *address]):
            yield f"postgresql+asyncpg://tests@127.0.0.1:{port}/postgres"


@pytest.fixture(scope="session")
def redis_url(need: Need) -> Iterator[str]:
    """The address of an empty Redis, as redis-py takes it."""
    need(importlib.util.find_spec("redis"), "pip install -r requirements-scale.txt")
    need(found("redis-server") and found("redis-cli"), "apt-get install redis-server")
    address = ["-h", "127.0.0.1", "-p", str(port := free_port())]
    with folder_of_the_server() as folder:
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
        with serving(folder, command, ["redis-cli", *address, "ping"]):
            yield f"redis://127.0.0.1:{port}/0"


@pytest.fixture
def settings(database_url: str, redis_url: str) -> dict[str, str]:
    """The environment in which the README's programs run: offline, with both servers."""
    lesson = ROOT / "7_3_multi_sessions"
    offline = offline_environment()
    return {
        **offline,
        "PYTHONPATH": os.pathsep.join([str(lesson), offline["PYTHONPATH"]]),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SESSION_KEY": "c2Vzc2lvbnMgaW4gdGhlIHRlc3RzLCBub3Qgc2VjcmU=",
    }
