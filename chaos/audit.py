"""Reads from each database node, after the run, which of the acknowledged rows it has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from chaos.facts import SqlAudit
from chaos.ledger import audit_rows, parse_rows, read_ledger, rows_query
from daemons.galera import CLIENT, COMMAND, member
from lab.errors import HalabError

if TYPE_CHECKING:
    from lab.lab import Lab

_READ_TIMEOUT = 60.0  # s; a long run has some ten thousand rows


def audit_sql(lab: Lab, client: str, ledger: Path) -> SqlAudit | None:
    """Every acknowledged row of this run against the rows on each node; None without a ledger."""
    if not ledger.exists():
        return None
    nodes = [node.name for node in lab.plan.running("galera")]
    present: dict[str, frozenset[str]] = {}
    synced: dict[str, bool] = {}
    for node in nodes:
        synced[node] = False
        try:
            seen = member(lab.shell.run(node, COMMAND).stdout)
            # wsrep_sync_wait: answer only after everything that is certified has been applied.
            rows = lab.shell.run(node, CLIENT, timeout=_READ_TIMEOUT,
                                 stdin=f"SET SESSION wsrep_sync_wait=1; {rows_query(client)};").stdout
        except (HalabError, ValueError):
            continue
        present[node] = parse_rows(rows)
        synced[node] = seen.synced
    return audit_rows(read_ledger(ledger), present, synced)
