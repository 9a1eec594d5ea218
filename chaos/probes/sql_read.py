"""One read from a table through the VIP: an answer that Galera gives only in a Primary component."""

from __future__ import annotations

from chaos.model import Traits
from chaos.probes.config import TABLE, ProbeConfig, ProbeSecrets
from chaos.probes.sql import Server, SqlProbe, server_of

TRAITS = Traits(client_of="galera", through_vip=True)


class SqlRead(SqlProbe):
    """Reads by primary key; finding no row is a good answer too."""

    name = "sql_read"

    def __init__(self, server: Server, client: str, timeout: float) -> None:
        super().__init__(server, timeout)
        self._client = client

    def statement(self, slot: int) -> str:
        # A table, not SELECT 1: a node outside the Primary component may still answer the latter.
        return f"SELECT at FROM {TABLE} WHERE client='{self._client}' AND seq={slot}"


def make(config: ProbeConfig, secrets: ProbeSecrets) -> SqlRead:
    return SqlRead(server_of(config, secrets), config.targets.client, config.timeout)
