"""Reads from each database node, after the run, which acknowledged rows it has, and what its tables sum up to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.facts import NodeRows, SqlAudit
from chaos.ledger import audit_rows, parse_rows, read_ledger, rows_query
from chaos.probes.config import BANK, DATABASE, TABLE
from daemons.galera import CLIENT, COMMAND, member
from lab.errors import HalabError

if TYPE_CHECKING:
    from lab.lab import Lab

_READ_TIMEOUT = 60.0  # s; a long run has some ten thousand rows
# wsrep_sync_wait: answer only after everything that is certified has been applied.
_SYNCED = "SET SESSION wsrep_sync_wait=1; "


def audit_sql(lab: Lab, client: str, ledger: Path) -> SqlAudit | None:
    """Every acknowledged row of this run against the rows on each node, and each node's tables.

    None where neither the rows nor the tables can be asked for: no node answers and nothing was acknowledged.
    """
    acked = read_ledger(ledger) if ledger.exists() else ()
    nodes = [node.name for node in lab.plan.running("galera")]
    present: dict[str, frozenset[str]] = {}
    synced: dict[str, bool] = {}
    sums: dict[str, tuple[dict[str, str], int | None]] = {}
    for node in nodes:
        synced[node] = False
        try:
            seen = member(lab.shell.run(node, COMMAND).stdout)
            rows = lab.shell.run(node, CLIENT, timeout=_READ_TIMEOUT, stdin=f"{_SYNCED}{rows_query(client)};").stdout
            said = lab.shell.run(node, CLIENT, timeout=_READ_TIMEOUT, stdin=_SYNCED + _SUMS).stdout
        except (HalabError, ValueError):
            continue
        present[node] = parse_rows(rows)
        sums[node] = parse_sums(said)
        synced[node] = seen.synced
    if not present and not ledger.exists():
        return None
    audit = audit_rows(acked, present, synced)
    return replace(audit, nodes=tuple(_with_sums(one, sums) for one in audit.nodes))


# A table that does not exist has the checksum NULL; the sum is asked for only where there is one.
_SUMS = (f"CHECKSUM TABLE {DATABASE}.{TABLE}, {DATABASE}.{BANK}; "
         f"SET @bank = IF((SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA='{DATABASE}' "
         f"AND TABLE_NAME='{BANK}'), 'SELECT ''bank'', SUM(balance) FROM {DATABASE}.{BANK}', 'DO 0'); "
         "PREPARE bank FROM @bank; EXECUTE bank;")


def parse_sums(text: str) -> tuple[dict[str, str], int | None]:
    """``table, tab, checksum`` and ``bank, tab, sum``; what is NULL is left out."""
    pairs = dict(line.split("\t", 1) for line in text.splitlines() if "\t" in line)
    bank = pairs.pop("bank", "")
    return ({name.removeprefix(f"{DATABASE}."): value for name, value in pairs.items() if value != "NULL"},
            int(bank) if bank.lstrip("-").isdigit() else None)


def _with_sums(rows: NodeRows, sums: Mapping[str, tuple[dict[str, str], int | None]]) -> NodeRows:
    tables, bank = sums.get(rows.node, ({}, None))
    return replace(rows, tables=tables, bank=bank)
