"""What the two SQL probes share: PyMySQL connections and the meaning of its errors."""

from __future__ import annotations

from dataclasses import dataclass

import pymysql
from pymysql.connections import Connection
from pymysql.constants import CR

from chaos.model import Outcome
from chaos.probes.config import DATABASE, TABLE, ProbeConfig, ProbeSecrets
from chaos.probes.threads import Abandoned, Operation, Pool, ThreadedProbe

CREATE = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} (client VARCHAR(32) NOT NULL, seq BIGINT NOT NULL, "
    "at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), PRIMARY KEY (client, seq)) ENGINE=InnoDB"
)
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


class SqlProbe(ThreadedProbe):
    """Keeps a few connections; opening one for each statement would saturate a core at 50 Hz."""

    def __init__(self, server: Server, timeout: float) -> None:
        super().__init__(timeout)
        self._server = server
        self._pool: Pool[Connection] = Pool(_drop)  # type: ignore[type-arg,unused-ignore]
        self._table_known = False

    def statement(self, slot: int) -> str:
        raise NotImplementedError

    def operate(self, slot: int, operation: Operation) -> tuple[Outcome, str]:
        connection = self._pool.take()
        try:
            if connection is None:
                connection = self._connect(operation)
        except (pymysql.MySQLError, OSError) as error:
            return Outcome.FAIL, f"connect: {error.args[-1] if error.args else error}"
        try:
            operation.send()
            connection.query(self.statement(slot))
        except Abandoned:
            _drop(connection)
            return Outcome.FAIL, "no connection in time"
        except (pymysql.MySQLError, OSError) as error:
            _drop(connection)
            return outcome_of(error)
        if operation.late:
            _drop(connection)
        else:
            self._pool.give(connection)
        return Outcome.OK, ""

    def _connect(self, operation: Operation) -> Connection:  # type: ignore[type-arg,unused-ignore]
        connection = pymysql.connect(
            host=self._server.host, port=self._server.port, user=self._server.user,
            password=self._server.password, database=DATABASE, autocommit=True,
            # Without this PyMySQL loads all CA certificates for each connection: 28 ms of processor time
            # instead of 0.6, the reason why reconnecting probes used to saturate a core.
            ssl_disabled=True,
            connect_timeout=operation.left(), read_timeout=self.timeout,  # type: ignore[arg-type,unused-ignore]
            write_timeout=self.timeout)
        if not self._table_known:
            try:
                connection.query(CREATE)
            except pymysql.MySQLError:
                _drop(connection)
                raise
            self._table_known = True
        return connection

    async def close(self) -> None:
        self._pool.clear()
        await super().close()


def _drop(connection: Connection) -> None:  # type: ignore[type-arg,unused-ignore]
    # Not close(): that sends COM_QUIT into a connection that may be dead.
    connection._force_close()  # type: ignore[attr-defined,unused-ignore]


def server_of(config: ProbeConfig, secrets: ProbeSecrets) -> Server:
    targets = config.targets
    return Server(targets.vip, targets.sql_port, targets.sql_user, secrets.sql)
