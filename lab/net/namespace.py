"""Network namespaces: where a lab's packets live, and how this process steps inside.

The lab's own namespace is ``halab.<lab>``, a node's is ``halab.<lab>.<node>`` (lab and node
names hold no dot, so the two never meet).  ``setns`` moves one thread only, and a socket
stays for ever in the namespace where it was made: so a thread steps in, makes its socket,
and steps out again.
"""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab.errors import HostError

_RUN_NETNS = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _setns(fd: int) -> None:
    if _libc.setns(fd, _CLONE_NEWNET) != 0:
        errno = ctypes.get_errno()
        raise HostError("cannot enter the lab's network namespace", where=os.strerror(errno),
                        remedy="run as root: sudo ./inv ...")


class Namespace:
    """One lab's namespace, by name; ``Namespace(lab, node)`` is a node's."""

    def __init__(self, lab: str, node: str | None = None) -> None:
        self.lab = lab
        self.name = f"halab.{lab}" if node is None else f"halab.{lab}.{node}"

    @property
    def path(self) -> Path:
        return _RUN_NETNS / self.name

    def exists(self) -> bool:
        return self.path.exists()

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Run the body of ``with`` with this thread in the namespace."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            try:
                target = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError as error:
                raise HostError(f"the lab's network namespace {self.name} is gone",
                                where=str(self.path),
                                remedy=f"./inv lab.resume --name={self.lab} starts it again (after a reboot of the "
                                       f"host, say); ./inv lab.down --name={self.lab} removes it") from error
            try:
                _setns(target)
            finally:
                os.close(target)
            try:
                yield
            finally:
                _setns(before)
        finally:
            os.close(before)

    def connect(self, host: str, port: int, timeout: float) -> socket.socket:
        """A TCP connection from inside the namespace; raises OSError as socket does."""
        with self.inside():
            return socket.create_connection((host, port), timeout=timeout)

    def http_status(self, host: str, port: int, path: str, timeout: float) -> int:
        """The status of one HTTP GET from inside the namespace; raises OSError when none comes."""
        with self.connect(host, port, timeout) as sock:
            sock.settimeout(timeout)
            sock.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            first = sock.makefile("rb").readline(1024).split()
        if len(first) < 2:
            raise OSError(f"{host}:{port} closed the connection without an answer")
        return int(first[1])

    def command(self, argv: Sequence[str]) -> list[str]:
        """``argv`` as a command that runs inside: nsenter, not ``ip netns exec``.

        ``ip netns exec`` also makes a private mount namespace, in which later
        ``ip netns add`` calls of that process would not be seen by the host.
        """
        return ["nsenter", f"--net={self.path}", *argv]
