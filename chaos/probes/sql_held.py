"""One session through the VIP that is held for ever, and asks again and again without a timeout of its own.

The other probes leave a silent server after a second.  Services with a connection pool do not: what frees them is
the proxy (``on-marked-down shutdown-sessions``), an address that moved and answers with a reset, or TCP after many
minutes.
"""

from __future__ import annotations

import threading

from chaos.model import Outcome, Traits
from chaos.probes.config import ProbeConfig, ProbeSecrets
from chaos.probes.sql import Server, server_of
from chaos.probes.sql_read import SqlRead
from chaos.probes.threads import Operation

# Longer than any hold; and so seldom that as many slots as there are threads may wait for the session.
TRAITS = Traits(client_of="galera", through_vip=True, period=1.0, timeout=90.0, grace=10.0)


class SqlHeld(SqlRead):
    """Slots wait for their turn on the one session; a new one is opened only when it was closed from outside."""

    name = "sql_held"

    def __init__(self, server: Server, client: str, timeout: float) -> None:
        super().__init__(server, client, timeout)
        self._turn = threading.Lock()

    def operate(self, slot: int, operation: Operation) -> tuple[Outcome, str]:
        if not self._turn.acquire(timeout=operation.left()):
            return Outcome.FAIL, "the session still waits for its answer"
        try:
            return super().operate(slot, operation)
        finally:
            self._turn.release()


def make(config: ProbeConfig, secrets: ProbeSecrets) -> SqlHeld:
    return SqlHeld(server_of(config, secrets), config.targets.client, config.timeout)
