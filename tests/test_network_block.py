"""The block that every other test relies on."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest
from agents import Agent, Runner
from agents.tracing import get_trace_provider
from openai import APIConnectionError, AsyncOpenAI
from sitecustomize import NetworkBlocked

PUBLIC = "192.0.2.1"  # An address reserved for documentation: nothing answers there.


def test_a_public_address_is_refused() -> None:
    with socket.socket() as tcp, pytest.raises(NetworkBlocked, match=PUBLIC):
        tcp.connect((PUBLIC, 80))
    with socket.socket() as tcp, pytest.raises(NetworkBlocked, match=PUBLIC):
        tcp.connect_ex((PUBLIC, 80))
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        pytest.raises(NetworkBlocked, match=PUBLIC),
    ):
        udp.sendto(b"x", (PUBLIC, 53))
    with socket.socket(socket.AF_INET6) as tcp, pytest.raises(NetworkBlocked, match="2001:db8"):
        tcp.connect(("2001:db8::1", 80))


@pytest.mark.parametrize(
    "look_up", [socket.gethostbyname, lambda name: socket.getaddrinfo(name, 1)]
)
def test_a_public_name_is_not_even_looked_up(look_up: Callable[[str], object]) -> None:
    with pytest.raises(NetworkBlocked, match=r"api\.openai\.com"):
        look_up("api.openai.com")


async def test_asyncio_is_refused_too() -> None:
    with pytest.raises(NetworkBlocked):
        await asyncio.open_connection("api.openai.com", 443)
    with pytest.raises(NetworkBlocked):
        await asyncio.open_connection(PUBLIC, 443)


async def test_a_real_model_call_is_refused() -> None:
    client = AsyncOpenAI(api_key="sk-x", base_url="https://api.openai.com/v1", max_retries=0)
    with pytest.raises((NetworkBlocked, APIConnectionError)) as raised:
        await client.responses.create(model="gpt-5", input="Hello")
    # The first versions of the client library wrap whatever happens while they connect.
    error = raised.value.__cause__ or raised.value
    assert isinstance(error, NetworkBlocked) and "api.openai.com" in str(error)


async def test_an_agent_without_a_chosen_model_cannot_answer() -> None:
    with pytest.raises(Exception, match="api_key"):
        await Runner.run(Agent("Assistant"), "Hello")


def test_loopback_stays_open() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(("localhost", server.getsockname()[1])) as client,
    ):
        client.sendall(b"x")
        connection, _ = server.accept()
        with connection:
            assert connection.recv(1) == b"x"


def test_a_program_that_a_test_starts_is_blocked_as_well() -> None:
    program = f"import socket; socket.create_connection(({PUBLIC!r}, 80), timeout=1)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert "NetworkBlocked: the tests must not use the network" in done.stderr


def test_there_is_no_key_and_no_tracing() -> None:
    assert not os.environ["OPENAI_API_KEY"]
    with get_trace_provider().create_trace("Test") as trace:
        assert trace.export() is None


def test_what_a_test_needs_is_skipped_on_a_laptop_and_missed_in_ci(
    need: Callable[[object, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    need(True, "a browser")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="a browser"):
        need(False, "a browser")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="needed in CI: a browser"):
        need(False, "a browser")
