"""One unique row per slot through the VIP; acknowledged rows go to the ledger for the audit S4."""

from __future__ import annotations

from chaos.model import Traits
from chaos.probes.config import TABLE, ProbeConfig, ProbeSecrets
from chaos.probes.ledger_file import LedgerFile
from chaos.probes.sql import Server, SqlProbe, server_of

TRAITS = Traits(client_of="galera", through_vip=True, writes=True, ledger=True)


class SqlWrite(SqlProbe):
    """Autocommitted INSERT of (client, slot); never the same key twice, so a retry would show."""

    name = "sql_write"

    def __init__(self, server: Server, client: str, ledger: LedgerFile, timeout: float) -> None:
        super().__init__(server, timeout)
        self._client = client
        self._ledger = ledger

    def statement(self, slot: int) -> str:
        return f"INSERT INTO {TABLE} (client, seq) VALUES ('{self._client}', {slot})"

    def succeeded(self, slot: int) -> None:
        self._ledger.add(f"{self._client}/{slot}")

    async def close(self) -> None:
        await super().close()
        self._ledger.close()


def make(config: ProbeConfig, secrets: ProbeSecrets) -> SqlWrite:
    return SqlWrite(server_of(config, secrets), config.targets.client, LedgerFile(config.ledger), config.timeout)
