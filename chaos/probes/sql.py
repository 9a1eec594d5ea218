"""What the SQL probes share: PyMySQL connections and the meaning of its errors."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.constants import CR

from chaos.model import Outcome
from chaos.probes.config import DATABASE, ProbeConfig, ProbeSecrets
from chaos.probes.threads import Abandoned, Operation, Pool, ThreadedProbe

# Server answers after which the transaction may still have been committed:
# error during COMMIT, shutdown in progress, query interrupted, connection killed.
_UNDECIDED = frozenset({1180, 1053, 1317, 1927})
_FIRST_CLIENT_ERROR, _LAST_CLIENT_ERROR = 2000, 2999


@dataclass(frozen=True)
class Server:
    """Where and as whom to connect."""

    host: str
    port: int
    user: str
    password: str


def outcome_of(error: Exception) -> tuple[Outcome, str]:
    """What a PyMySQL error on a SENT statement says about the statement."""
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    words = f"{code} {error.args[1] if len(error.args) > 1 else error}"
    if code == CR.CR_SERVER_GONE_ERROR:
        return Outcome.FAIL, words  # the write itself failed: the packet is not whole
    if _FIRST_CLIENT_ERROR <= code <= _LAST_CLIENT_ERROR or code in _UNDECIDED or code == 0:
        return Outcome.UNKNOWN, words
    return Outcome.FAIL, words  # the server answered that it did not


@dataclass(frozen=True)
class Link:
    """A connection, and the database server at its other end: which one, the proxy decides."""

    connection: Connection  # type: ignore[type-arg,unused-ignore]
    server: str


class SqlProbe(ThreadedProbe):
    """Keeps a few connections; opening one for each statement would saturate a core at 50 Hz.

    The detail of a success is the name of the server that gave it (S2 looks for two writers there).
    """

    # What provisioning does not make, run once before the first attempt of all; it must do no harm when run again.  Not
    # probe_rows: a CREATE TABLE in a Galera cluster aborts whoever writes to it (measured: the first five writes of one
    # run in ten), even when the table is there.
    setup: tuple[str, ...] = ()

    def __init__(self, server: Server, timeout: float) -> None:
        super().__init__(timeout)
        self._server = server
        self._pool: Pool[Link] = Pool(_drop)
        self._ready = not self.setup
        self._preparing = threading.Lock()

    def statement(self, slot: int) -> str:
        raise NotImplementedError

    def act(self, connection: Connection, slot: int, operation: Operation) -> None:  # type: ignore[type-arg,unused-ignore]
        """The work of one slot; ``operation.send()`` comes just before what cannot be taken back."""
        operation.send()
        connection.query(self.statement(slot))

    def operate(self, slot: int, operation: Operation) -> tuple[Outcome, str]:
        link = self._pool.take()
        try:
            if link is None:
                link = self._connect(operation)
        except (pymysql.MySQLError, OSError) as error:
            return Outcome.FAIL, f"connect: {error.args[-1] if error.args else error}"
        try:
            self.act(link.connection, slot, operation)
        except Abandoned:
            _drop(link)
            return Outcome.FAIL, "no connection in time"
        except (pymysql.MySQLError, OSError) as error:
            _drop(link)
            outcome, words = outcome_of(error)
            return (outcome if operation.sent else Outcome.FAIL), words
        if operation.late:
            _drop(link)
        else:
            self._pool.give(link)
        return Outcome.OK, link.server

    def _connect(self, operation: Operation) -> Link:
        # Our own socket: for one that is silent PyMySQL would make a whole connection first and then put its
        # traceback into words, at 50 Hz 3 % of a core.
        sock = socket.create_connection((self._server.host, self._server.port), operation.left())
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection: Any = pymysql.connect(
            host=self._server.host, port=self._server.port, user=self._server.user,
            password=self._server.password, database=DATABASE, autocommit=True,
            # Without this PyMySQL loads all CA certificates for each connection: 28 ms of processor time
            # instead of 0.6, the reason why reconnecting probes used to saturate a core.
            ssl_disabled=True, read_timeout=self.timeout,
            write_timeout=self.timeout, defer_connect=True)  # type: ignore[arg-type,unused-ignore]
        connection.connect(sock)
        link = Link(connection, "")
        try:
            self._prepare(connection, operation)
            return Link(connection, str(one_value(connection, "SELECT @@wsrep_node_name") or ""))
        except (pymysql.MySQLError, TimeoutError):
            _drop(link)
            raise

    def _prepare(self, connection: Connection, operation: Operation) -> None:  # type: ignore[type-arg,unused-ignore]
        if self._ready:
            return
        if not self._preparing.acquire(timeout=operation.left()):
            raise TimeoutError("what the probe needs was not made in time")
        try:
            if not self._ready:
                for statement in self.setup:
                    connection.query(statement)
                self._ready = True
        finally:
            self._preparing.release()

    async def close(self) -> None:
        self._pool.clear()
        await super().close()


def one_value(connection: Connection, query: str) -> Any:  # type: ignore[type-arg,unused-ignore]
    """The first column of the first row; None where there is no row."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        row = cursor.fetchone()
    return row[0] if row else None


def _drop(link: Link) -> None:
    # Not close(): that sends COM_QUIT into a connection that may be dead.
    link.connection._force_close()  # type: ignore[attr-defined,unused-ignore]


def server_of(config: ProbeConfig, secrets: ProbeSecrets) -> Server:
    targets = config.targets
    return Server(targets.vip, targets.sql_port, targets.sql_user, secrets.sql)
