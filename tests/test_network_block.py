"""What every other test relies on: no network, no key and no tracing, also in programs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest
from agents.tracing import get_trace_provider
from openai import APIConnectionError, AsyncOpenAI
from sitecustomize import NetworkBlocked

PUBLIC = "192.0.2.1"  # An address reserved for documentation: nothing answers there.


def test_nothing_leaves_this_machine() -> None:
    with (
        socket.socket() as tcp,
        socket.socket(socket.AF_INET6) as tcp6,
        socket.socket(type=socket.SOCK_DGRAM) as udp,
    ):
        for send in (
            lambda: tcp.connect((PUBLIC, 80)),
            lambda: tcp.connect_ex((PUBLIC, 80)),
            lambda: tcp6.connect(("2001:db8::1", 80)),
            lambda: udp.sendto(b"x", (PUBLIC, 53)),
            lambda: socket.gethostbyname("api.openai.com"),
            lambda: socket.getaddrinfo("api.openai.com", 443),
        ):
            with pytest.raises(NetworkBlocked):
                send()
    program = f"import socket; socket.create_connection(({PUBLIC!r}, 80), timeout=1)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "NetworkBlocked: the tests must not use the network" in done.stderr


async def test_no_model_is_called_and_no_trace_is_made() -> None:
    client = AsyncOpenAI(api_key="sk-x", base_url="https://api.openai.com/v1", max_retries=0)
    with pytest.raises((NetworkBlocked, APIConnectionError)) as raised:
        await client.responses.create(model="gpt-5", input="Hello")
    # The first versions of the client library wrap whatever happens while they connect.
    assert isinstance(raised.value.__cause__ or raised.value, NetworkBlocked)
    assert not os.environ["OPENAI_API_KEY"]
    with get_trace_provider().create_trace("Test") as trace:
        assert trace.export() is None
