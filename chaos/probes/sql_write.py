"""One unique row per slot through the VIP; acknowledged rows go to the ledger for the audit S4."""

from __future__ import annotations

from chaos.probes.config import TABLE, ProbeConfig
from chaos.probes.ledger_file import LedgerFile
from chaos.probes.sql import Server, SqlProbe, server_of


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


def make(config: ProbeConfig) -> SqlWrite:
    return SqlWrite(server_of(config), config.targets.client, LedgerFile(config.ledger), config.timeout)
