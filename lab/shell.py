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
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import paramiko
from fabric import Connection

from lab import interrupt
from lab.errors import DeadlineError, NodeError
from lab.namespace import Namespace
from lab.plan import Plan
from lab.secrets import Secrets

_CONNECT_TIMEOUT = 5.0
_SLOWEST_CONNECT = 30.0  # s; an address that nobody has is given up by the kernel long before
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
        self._open: dict[str, Connection] = {}
        self._slowness = slowness
        self._connect_timeout = min(_CONNECT_TIMEOUT * slowness, _SLOWEST_CONNECT)
        self._locks = {node.name: threading.Lock() for node in plan.nodes}

    def run(self, node: str, command: str, *, timeout: float = 30.0, stdin: str | bytes | None = None,
            check: bool = True) -> Completed:
        """Run ``command`` as root on ``node``; NodeError if it fails (``check``) or cannot be reached."""
        fresh = node not in self._open
        try:
            return self._run(node, command, timeout * self._slowness, stdin, check)
        except (EOFError, OSError, paramiko.SSHException) as error:
            self.forget(node)
            # A kept connection may be a leftover of the node's last life: once more on a new one.
            if fresh or isinstance(error, TimeoutError):
                raise self._unreachable(node, command, error) from error
        try:
            return self._run(node, command, timeout * self._slowness, stdin, check)
        except (EOFError, OSError, paramiko.SSHException) as error:
            self.forget(node)
            raise self._unreachable(node, command, error) from error

    def on_all(self, nodes: Iterable[str], command: str, **options: Any) -> dict[str, Completed]:
        """The same command on many nodes at once; the first error is raised after all have ended."""
        names = list(nodes)
        if not names:
            return {}
        with ThreadPoolExecutor(len(names)) as pool:
            futures = {name: pool.submit(self.run, name, command, **options) for name in names}
        return {name: future.result() for name, future in futures.items()}

    def await_ssh(self, node: str, deadline: float) -> None:
        """Return when the node takes a login; ``deadline`` is on ``time.monotonic()``."""
        while True:
            try:
                self._connection(node)
                return
            except (EOFError, OSError, paramiko.SSHException) as error:
                if time.monotonic() > deadline:
                    raise DeadlineError(f"{node} takes no SSH login", where=str(error),
                                        remedy=f"./inv lab.logs --node={node} shows its console") from error
            interrupt.wait(0.03)

    def forget(self, node: str) -> None:
        """Drop the kept connection of a node whose power was cut."""
        connection = self._open.pop(node, None)
        if connection is not None:
            with suppress(Exception):  # closing a dead connection may fail in many ways; it is gone anyway
                connection.close()

    def close(self) -> None:
        for node in list(self._open):
            self.forget(node)

    def _connection(self, node: str) -> Connection:
        with self._locks[node]:
            known = self._open.get(node)
            if known is not None and known.is_connected:
                return known
            address = str(self._plan.node(node).mgmt)
            sock = self._namespace.connect(address, 22, self._connect_timeout)
            key = paramiko.Ed25519Key.from_private_key(io.StringIO(self._secrets.ssh_private("root").decode()))
            connection = Connection(address, user="root", connect_timeout=self._connect_timeout, connect_kwargs={
                "sock": sock, "pkey": key, "look_for_keys": False, "allow_agent": False,
                "banner_timeout": self._connect_timeout, "auth_timeout": self._connect_timeout})
            # The host key is generated with the lab and laid on the node's disk: check it.
            host_key = paramiko.PKey.from_type_string("ssh-ed25519", _key_blob(self._secrets.ssh_public("host")))
            connection.client.get_host_keys().add(address, "ssh-ed25519", host_key)
            connection.client.set_missing_host_key_policy(paramiko.RejectPolicy())
            connection.open()
            connection.transport.set_keepalive(0)
            self._open[node] = connection
            return connection

    def _run(self, node: str, command: str, timeout: float, stdin: str | bytes | None,
             check: bool) -> Completed:
        # Fabric's own run() starts two helper threads and a 100 ms poll for each command, which is
        # too slow for gates; its transport is used directly.
        channel = self._connection(node).transport.open_session(timeout=self._connect_timeout)
        with channel:
            channel.settimeout(timeout)
            channel.exec_command(command)
            if stdin is not None:
                channel.sendall(stdin.encode() if isinstance(stdin, str) else stdin)
            channel.shutdown_write()
            out, err = _drain(channel, time.monotonic() + timeout)
            done = Completed(out.decode(errors="replace"), err.decode(errors="replace"),
                             channel.recv_exit_status())
        if check and not done.ok:
            last = (done.stderr or done.stdout).strip().splitlines()[-3:]
            raise NodeError(f"a command failed on {node} with exit code {done.exit_code}",
                            where="; ".join([_short(command), *last]),
                            remedy=f"./inv lab.ssh --node={node} --name={self._plan.lab}")
        return done

    def _unreachable(self, node: str, command: str, error: Exception) -> NodeError:
        return NodeError(f"{node} cannot be reached over SSH",
                         where=f"{_short(command)}; {str(error) or type(error).__name__}",
                         remedy=f"./inv lab.status --name={self._plan.lab}")


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
