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


def guard(owner: Any, name: str, host_of: Callable[..., object]) -> None:
    """Let `owner.name` refuse what is not local; `host_of` reads its arguments."""
    original: Callable[..., Any] = getattr(owner, name)

    def guarded(*args: Any, **kwargs: Any) -> Any:
        host = host_of(*args)
        if not is_local(host):
            raise NetworkBlocked(f"the tests must not use the network: {host!r}")
        return original(*args, **kwargs)

    setattr(owner, name, guarded)


def host_of_address(self: socket.socket, *args: Any) -> object:
    """The address is the last positional argument."""
    can_leave = self.family in (socket.AF_INET, socket.AF_INET6) and isinstance(args[-1], tuple)
    return args[-1][0] if can_leave else None


for method in ("connect", "connect_ex", "sendto", "sendmsg"):
    if hasattr(socket.socket, method):
        guard(socket.socket, method, host_of_address)
for function in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr"):
    guard(socket, function, lambda host, *_: host)
