"""Audits: what was promised to the clients against what is there at the end.

Ledger entries are ``client/number`` lines.  The runner reads the rows of each node itself
(:func:`rows_query`, run on the node so that no proxy stands between) and hands the sets over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos.facts import NodeRows, SqlAudit
from chaos.probes.config import DATABASE, TABLE

_SHOWN = 50


def rows_query(client: str) -> str:
    """SQL that lists one run's rows as ledger entries; for ``mysql --batch --skip-column-names``."""
    if not client.isalnum():
        raise ValueError(f"not a client mark: {client!r}")
    return f"SELECT CONCAT(client, '/', seq) FROM {DATABASE}.{TABLE} WHERE client='{client}'"


def parse_rows(text: str) -> frozenset[str]:
    """The output of ``rows_query`` as a set of ledger entries."""
    return frozenset(line.strip() for line in text.splitlines() if "/" in line)


def read_ledger(path: Path) -> tuple[str, ...]:
    """The entries in order of writing; a torn last line is left out."""
    text = path.read_text()
    lines = text.split("\n")
    return tuple(line for line in lines[:-1] if line)


def audit_rows(acked: Iterable[str], present: Mapping[str, Iterable[str]],
               synced: Mapping[str, bool]) -> SqlAudit:
    """Acknowledged rows against the rows on each node.

    ``present`` maps a node to the entries found on it, ``synced`` says whether it was Synced
    when it was read; a node that is in ``synced`` but not in ``present`` could not be read.
    """
    promised = set(acked)
    nodes = []
    for node in sorted(set(present) | set(synced)):
        found = set(present.get(node, ()))
        missing = sorted(promised - found, key=_order)
        nodes.append(NodeRows(node, synced.get(node, False) and node in present, len(found), len(missing),
                              tuple(missing[:_SHOWN])))
    return SqlAudit(len(promised), tuple(nodes))


@dataclass(frozen=True)
class MqAudit:
    """Confirmed messages against consumed ones.

    ``lost`` was confirmed and never seen; ``unexpected`` was seen and never sent by this run's
    client (other runs' leftovers are not counted); ``duplicates`` counts extra deliveries.
    """

    confirmed: int
    consumed: int
    lost: tuple[str, ...]
    unexpected: tuple[str, ...]
    duplicates: int


def audit_messages(confirmed: Sequence[str], consumed: Sequence[str], attempted: Iterable[int]) -> MqAudit:
    """``attempted`` holds the publisher's slots: one without a confirm may have arrived or not."""
    clients = {entry.partition("/")[0] for entry in confirmed}
    slots = set(attempted)
    seen = Counter(entry for entry in consumed if entry.partition("/")[0] in clients)
    lost = sorted(set(confirmed) - set(seen), key=_order)
    unexpected = sorted((entry for entry in seen if _order(entry)[1] not in slots), key=_order)
    return MqAudit(len(set(confirmed)), len(seen), tuple(lost), tuple(unexpected), seen.total() - len(seen))


def _order(entry: str) -> tuple[str, int]:
    client, _, number = entry.partition("/")
    return client, int(number) if number.isdigit() else -1
