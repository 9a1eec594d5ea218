"""Transfers between accounts through the VIP: whatever breaks, the sum of all balances stays what it was.

A transaction of several statements is what real clients send, and it meets what a single INSERT never
does: locks, a certification conflict at COMMIT, a server that is lost between its two halves.
"""

from __future__ import annotations

import random

from pymysql.connections import Connection

from chaos.model import Traits
from chaos.probes.config import BANK, ProbeConfig, ProbeSecrets
from chaos.probes.ledger_file import LedgerFile
from chaos.probes.sql import Server, SqlProbe, one_value, server_of
from chaos.probes.threads import Operation

ACCOUNTS = 64  # so many that two transfers at one time seldom want the same row
OPENING = 1000
TOTAL = f"SELECT SUM(balance) FROM {BANK}"
_LOOK_EVERY = 10  # slots
# Five statements each: ten a second are as much work for the database as sql_write's fifty.
TRAITS = Traits(client_of="galera", through_vip=True, writes=True, ledger=True, period=0.1)


class SqlBank(SqlProbe):
    """Each slot moves an amount between two accounts; every tenth reads the sum of all of them before it commits.

    Not in a slot of its own: a read that succeeds while nobody can commit would cut the outage in pieces.  The
    ledger holds each sum that was read, as ``client/sum``; S4 wants them all equal, and equal to
    the sum on each server in the end.
    """

    name = "sql_bank"
    setup = (
        f"CREATE TABLE IF NOT EXISTS {BANK} (account INT NOT NULL PRIMARY KEY, balance BIGINT NOT NULL) ENGINE=InnoDB",
        f"INSERT IGNORE INTO {BANK} (account, balance) VALUES "
        + ", ".join(f"({account}, {OPENING})" for account in range(ACCOUNTS)),
    )

    def __init__(self, server: Server, client: str, ledger: LedgerFile, timeout: float) -> None:
        super().__init__(server, timeout)
        self._client = client
        self._ledger = ledger

    def act(self, connection: Connection, slot: int, operation: Operation) -> None:  # type: ignore[type-arg,unused-ignore]
        connection.query("START TRANSACTION")
        for statement in transfer(slot):
            connection.query(statement)
        if slot % _LOOK_EVERY == 0:
            # After the halves: the read view begins here, and the two rows are locked, so it is one moment's.
            self._ledger.add(f"{self._client}/{one_value(connection, TOTAL)}")
        operation.send()
        connection.query("COMMIT")

    async def close(self) -> None:
        await super().close()
        self._ledger.close()


def transfer(slot: int) -> tuple[str, str]:
    """The two halves of this slot's transfer; in the order of the accounts, so that two never wait for each other."""
    dice = random.Random(slot)
    giver, taker = dice.sample(range(ACCOUNTS), 2)
    amount = dice.randint(1, 9)
    halves = [(giver, -amount), (taker, amount)]
    first, second = (f"UPDATE {BANK} SET balance = balance + ({change}) WHERE account = {account}"
                     for account, change in sorted(halves))
    return first, second


def make(config: ProbeConfig, secrets: ProbeSecrets) -> SqlBank:
    return SqlBank(server_of(config, secrets), config.targets.client, LedgerFile(config.ledger), config.timeout)
