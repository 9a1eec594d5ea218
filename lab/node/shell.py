"""Commands on nodes, over SSH with Fabric, from inside the lab's namespace.

One connection for each node, opened at first use and kept; a connection that died is opened
again.  Commands are shell text that halab wrote; whatever comes from a person is quoted by
the caller (``shlex.quote``) and data goes over ``stdin``.
"""

from __future__ import annotations

import base64
import io
import logging
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import paramiko
from fabric import Connection

from lab import interrupt
from lab.errors import DeadlineError, HostError, NodeError
from lab.net.namespace import Namespace
from lab.parallel import for_each
from lab.plan import Plan
from lab.state.secrets import Secrets

_CONNECT_TIMEOUT = 5.0
_NO_INPUT = "exec </dev/null; "
_SLOWEST_CONNECT = 30.0  # s; the kernel gives up an address that nobody has long before
# paramiko logs each connection that a power cut ends, with a traceback; the caller gets the error itself.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Completed:
    """What a command on a node said."""

    stdout: str
    stderr: str
    exit_code: int

    @property
    def ok(self) -> bool:
        return self.exit_code == 0


class Shell:
    """Root shells on the nodes of one lab; safe to use from many threads.

    Every timeout is multiplied with ``slowness``: callers think of a node that runs at full speed.
    """

    def __init__(self, plan: Plan, namespace: Namespace, secrets: Secrets, slowness: float = 1.0) -> None:
        self._plan = plan
        self._namespace = namespace
        self._secrets = secrets
        self._slowness = slowness
        self._patience = min(_CONNECT_TIMEOUT * slowness, _SLOWEST_CONNECT)
        self._open: dict[str, Connection] = {}
        self._failed: dict[str, tuple[float, Exception]] = {}
        self._locks = {node.name: threading.Lock() for node in plan.hosts}

    def run(self, node: str, command: str, *, timeout: float = 30.0, stdin: str | bytes | None = None,
            check: bool = True) -> Completed:
        """Run ``command`` as root on ``node``; NodeError if it fails (``check``) or cannot be reached."""
        timeout *= self._slowness
        deadline = time.monotonic() + timeout
        try:
            channel = self._channel(node)
        except (EOFError, OSError, paramiko.SSHException) as error:
            ours = error if isinstance(error, HostError) else None  # the lab's namespace is gone, for one
            raise NodeError(f"{node} cannot be reached over SSH",
                            where=f"{_short(command)}; {ours.what if ours else str(error) or type(error).__name__}",
                            remedy=ours.remedy if ours else f"./inv lab.status --name={self._plan.lab}") from error
        try:
            done = _talk(channel, command, stdin, deadline)
        except (EOFError, OSError, paramiko.SSHException) as error:
            # Not tried again: nobody knows whether the command ran.
            transport = channel.get_transport()
            # What ended the connection itself says more than that the channel is closed.
            error = transport.get_exception() or error
            self.forget(node, transport)
            late = isinstance(error, TimeoutError)
            raise NodeError(
                f"a command on {node} did not end within {timeout:g} s" if late else
                f"the connection to {node} broke in the middle of a command",
                where=f"{_short(command)}; {str(error) or type(error).__name__}",
                remedy=f"./inv lab.status --name={self._plan.lab}") from error
        if check and not done.ok:
            last = (done.stderr or done.stdout).strip().splitlines()[-3:]
            raise NodeError(f"a command failed on {node} with exit code {done.exit_code}",
                            where="; ".join([_short(command), *last]),
                            remedy=f"./inv lab.ssh {node} --name={self._plan.lab}")
        return done

    def on_all(self, nodes: Iterable[str], command: str, **options: Any) -> dict[str, Completed]:
        """The same command on many nodes at once; the first error is raised after all have ended."""
        names = list(nodes)
        return dict(zip(names, for_each(names, lambda name: self.run(name, command, **options)), strict=True))

    def stream(self, node: str, command: str, ended: threading.Event, *, stdin: str = "") -> Iterator[str]:
        """The lines that ``command`` writes on ``node``, as they come, until it ends or ``ended`` is set.

        The command must end when its standard input does: that is how it learns that the stream was
        left, or that halab was killed.  ``stdin`` is what it reads before.
        NodeError when the node cannot be reached or the connection breaks.
        """
        try:
            with self._channel(node) as channel:
                channel.exec_command(command)
                channel.sendall(stdin.encode())
                yield from _lines(channel, ended)
        except (EOFError, OSError, paramiko.SSHException) as error:
            raise NodeError(f"the stream from {node} broke", where=f"{_short(command)}; {error}",
                            remedy=f"./inv lab.status --name={self._plan.lab}") from error

    def await_ssh(self, node: str, deadline: float) -> None:
        """Return when the node takes a login; ``deadline`` is on ``time.monotonic()``."""
        while True:
            try:
                self._connection(node)
                return
            except (EOFError, OSError, paramiko.SSHException) as error:
                if time.monotonic() > deadline:
                    raise DeadlineError(f"{node} takes no SSH login", where=str(error),
                                        remedy=f"./inv lab.logs --node={node} --name={self._plan.lab} "
                                               "shows its console") from error
            interrupt.wait(0.03)

    def forget(self, node: str, transport: Any = None) -> None:
        """Drop the kept connection of a node whose power was cut; ``transport``: only if it is that one."""
        with self._locks[node]:
            connection = self._open.get(node)
            if connection is None or (transport is not None and connection.transport is not transport):
                return
            del self._open[node]
        with suppress(Exception):  # closing a dead connection may fail in many ways; it is gone anyway
            connection.close()

    def close(self) -> None:
        for node in list(self._open):
            self.forget(node)

    def _connection(self, node: str) -> Connection:
        asked = time.monotonic()
        with self._locks[node]:
            known = self._open.get(node)
            if known is not None and known.is_connected:
                return known
            failed_at, error = self._failed.get(node, (0.0, None))
            if error is not None and failed_at > asked:
                raise error  # found dead while this thread stood in line: ten gates need not wait 5 s each
            try:
                return self._connect(node)
            except (EOFError, OSError, paramiko.SSHException) as error:
                self._failed[node] = time.monotonic(), error
                raise

    def _connect(self, node: str) -> Connection:
        address = str(self._plan.node(node).mgmt)
        sock = self._namespace.connect(address, 22, self._patience)
        key = paramiko.Ed25519Key.from_private_key(io.StringIO(self._secrets.ssh_private("root").decode()))
        connection = Connection(address, user="root", connect_timeout=self._patience, connect_kwargs={
            "sock": sock, "pkey": key, "look_for_keys": False, "allow_agent": False,
            "banner_timeout": self._patience, "auth_timeout": self._patience})
        # The host key is generated with the lab and laid on the node's disk: check it.
        host_key = paramiko.PKey.from_type_string("ssh-ed25519", _key_blob(self._secrets.ssh_public("host")))
        connection.client.get_host_keys().add(address, "ssh-ed25519", host_key)
        connection.client.set_missing_host_key_policy(paramiko.RejectPolicy())
        connection.open()
        connection.transport.set_keepalive(0)
        self._open[node] = connection
        return connection

    def _channel(self, node: str) -> Any:
        """An open channel: on the kept connection, or on a new one if that is a leftover of the
        node's last life.  Fabric's own ``run`` starts two threads and polls every 100 ms for each
        command, which is too slow for gates; its transport is used directly."""
        kept = self._connection(node)
        try:
            return kept.transport.open_session(timeout=self._patience)
        except (EOFError, OSError, paramiko.SSHException):
            self.forget(node, kept.transport)
        return self._connection(node).transport.open_session(timeout=self._patience)


def _talk(channel: Any, command: str, stdin: str | bytes | None, deadline: float) -> Completed:
    """Run ``command`` on an open channel to its end; TimeoutError at ``deadline`` (monotonic)."""
    with channel:
        channel.settimeout(max(0.1, deadline - time.monotonic()))
        # A command without input gets its end of input by itself.  paramiko's may be sent after the channel was closed,
        # by a command that ended at once, and for that sshd ends the connection, with all that is under way on it:
        # "ieof packet referred to nonexistent channel" (seen three times in a day).
        channel.exec_command(f"{_NO_INPUT}{command}" if stdin is None else command)
        if stdin is not None:
            channel.sendall(stdin.encode() if isinstance(stdin, str) else stdin)
            channel.shutdown_write()
        out, err = _drain(channel, deadline)
        # The streams may end before the command does (it closed them), or never say how it ended.
        if not channel.status_event.wait(max(0.0, deadline - time.monotonic())):
            raise TimeoutError("the command closed its output and did not end in time")
        status = channel.recv_exit_status()
    if status < 0:
        raise EOFError("the connection ended before the command")
    return Completed(out.decode(errors="replace"), err.decode(errors="replace"), status)


def _lines(channel: Any, ended: threading.Event) -> Iterator[str]:
    channel.settimeout(0.5)  # how long a stream that is to end may still be waited for
    rest = b""
    while not ended.is_set():
        try:
            piece = channel.recv(65536)
        except TimeoutError:
            continue
        if not piece:
            return
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line.decode(errors="replace") for line in whole)


def _drain(channel: Any, deadline: float) -> tuple[bytes, bytes]:
    """Both streams to their end.  The exit status alone is no end: sshd may send it before the last output."""
    out, err = bytearray(), bytearray()
    channel.settimeout(0.05)  # how long standard error may wait while standard output is silent
    while True:
        ended = channel.eof_received or channel.closed
        with suppress(TimeoutError):
            out += channel.recv(65536)
        while channel.recv_stderr_ready():
            err += channel.recv_stderr(65536)
        # "ended" was read before the streams: whatever came before the end has been taken.
        if ended and not channel.recv_ready() and not channel.recv_stderr_ready():
            return bytes(out), bytes(err)
        if time.monotonic() > deadline:
            raise TimeoutError("the command did not end in time")


def _key_blob(line: str) -> bytes:
    return base64.b64decode(line.split()[1])


def _short(command: str) -> str:
    first = command.strip().splitlines()[0]
    return first if len(first) < 100 else first[:97] + "..."
