"""No network beyond this machine, in this Python process.

conftest.py loads this file for the test run and puts its folder on PYTHONPATH. Python imports a
module of this name when it starts, so it also holds in every Python program that a test starts.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Any


class NetworkBlocked(RuntimeError):
    """A test tried to leave this machine. No OSError, so that nothing takes it for a bad line."""


def is_local(host: object) -> bool:
    """Whether `host`, as the socket functions take it, is this machine."""
    name = host.decode() if isinstance(host, bytes) else host
    if not name or name in ("localhost", socket.gethostname()):
        return True
    try:
        return ipaddress.ip_address(str(name).partition("%")[0]).is_loopback
    except ValueError:
        return False


def refuse_unless_local(host: object) -> None:
    if not is_local(host):
        raise NetworkBlocked(f"the tests must not use the network: {host!r}")


def block_method(name: str) -> None:
    """Guard a method of sockets whose last positional argument is the address."""
    original: Callable[..., Any] = getattr(socket.socket, name)

    def guarded(self: socket.socket, *args: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and isinstance(args[-1], tuple):
            refuse_unless_local(args[-1][0])
        return original(self, *args)

    setattr(socket.socket, name, guarded)


def block_function(name: str) -> None:
    """Guard a look-up whose first argument is a host name."""
    original: Callable[..., Any] = getattr(socket, name)

    def guarded(host: object, *args: Any, **kwargs: Any) -> Any:
        refuse_unless_local(host)
        return original(host, *args, **kwargs)

    setattr(socket, name, guarded)


for method in ("connect", "connect_ex", "sendto", "sendmsg"):
    if hasattr(socket.socket, method):
        block_method(method)
for function in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr"):
    block_function(function)
