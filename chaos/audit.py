"""What the database says about itself, node by node: Primary components and acknowledged rows.

Each node is asked over its own socket, so that no proxy can stand between a question and
the node that it is about.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.facts import PrimarySighting, SqlAudit
from chaos.ledger import audit_rows, parse_rows, read_ledger, rows_query
from chaos.reach import ssh_banner
from lab.errors import HalabError

if TYPE_CHECKING:
    from lab.lab import Lab

CLIENT = "mariadb --batch --skip-column-names"
_STATUS = "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_cluster_conf_id', 'wsrep_cluster_size', " \
          "'wsrep_cluster_status', 'wsrep_local_state_comment');"
_LOOK_EVERY = 2.0  # s; one look costs each node a client process
_LOOK_TIMEOUT = 3.0
_READ_TIMEOUT = 60.0  # s; a long run has some ten thousand rows


def parse_status(text: str) -> dict[str, str]:
    """``SHOW STATUS`` in batch form: name, tab, value; names in lower case."""
    pairs = (line.split("\t", 1) for line in text.splitlines() if "\t" in line)
    return {name.lower(): value.strip() for name, value in pairs}


def components(seen: Mapping[str, Mapping[str, str]]) -> tuple[tuple[str, ...], ...]:
    """The Primary components: nodes that claim Primary, together when they claim the same view.

    Next to another component only one that is complete counts, with as many nodes as it says
    it has.  A member that was just cut off shows its old view, of a size that it no longer
    has, until its timers run out; it cannot commit in it, and it is no second component.
    """
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for node, status in sorted(seen.items()):
        if status.get("wsrep_cluster_status") == "Primary":
            view = status.get("wsrep_cluster_conf_id", ""), status.get("wsrep_cluster_size", "")
            groups[view].append(node)
    alone = len(groups) == 1
    return tuple(tuple(nodes) for (_, size), nodes in sorted(groups.items())
                 if alone or size == str(len(nodes)))


class PrimaryWatch:
    """Looks at all Galera nodes every two seconds while the run goes on.

    A node that does not answer at once is left out of that look: silence is no claim.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._nodes = [node.name for node in lab.plan.running("galera")]
        self._stop = threading.Event()
        self._seen: list[PrimarySighting] = []
        self._thread = threading.Thread(target=self._watch, name="primary-watch", daemon=True)

    def __enter__(self) -> PrimaryWatch:
        if self._nodes:
            self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def stop(self) -> tuple[PrimarySighting, ...]:
        """All sightings so far; idempotent."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2 * _LOOK_TIMEOUT + 10)
        return tuple(self._seen)

    def _watch(self) -> None:
        with ThreadPoolExecutor(len(self._nodes), thread_name_prefix="primary") as pool:
            while not self._stop.is_set():
                at = time.time()
                answers = dict(zip(self._nodes, pool.map(self._look, self._nodes), strict=True))
                self._seen.append(PrimarySighting(at, components(
                    {node: status for node, status in answers.items() if status})))
                self._stop.wait(max(0.2, _LOOK_EVERY - (time.time() - at)))

    def _look(self, node: str) -> dict[str, str]:
        try:
            # A dead node would hold the shell for its whole connection timeout.
            if not ssh_banner(self._lab, node, timeout=0.5):
                return {}
            said = self._lab.shell.run(node, CLIENT, stdin=_STATUS, timeout=_LOOK_TIMEOUT)
            return parse_status(said.stdout)
        except (HalabError, OSError):
            return {}


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
            status = parse_status(lab.shell.run(node, CLIENT, stdin=_STATUS).stdout)
            # wsrep_sync_wait: answer only after everything that is certified has been applied.
            rows = lab.shell.run(node, CLIENT, timeout=_READ_TIMEOUT,
                                 stdin=f"SET SESSION wsrep_sync_wait=1; {rows_query(client)};").stdout
        except HalabError:
            continue
        present[node] = parse_rows(rows)
        synced[node] = status.get("wsrep_local_state_comment") == "Synced"
    return audit_rows(read_ledger(ledger), present, synced)
