"""S4: every row that a client got an OK for is on every synced node at the end."""

from __future__ import annotations

from chaos.checks import found, skipped, unjudged
from chaos.model import Finding
from chaos.recording import Recording

PROBE = "sql_write"


class DbAcked:
    """Rows, and that never two Primary components were seen at one time."""

    id = "S4"
    title = "no acknowledged row is lost"
    kind = "safety"

    def judge(self, run: Recording) -> Finding:
        facts, audit = run.facts, run.facts.sql
        split = [one for one in facts.primaries if len(one.components) > 1]
        if split:
            sides = " | ".join(", ".join(nodes) for nodes in split[0].components)
            return found(self, False, f"two Primary components at one time: {sides}")
        if PROBE not in facts.probes:
            return skipped(self, f"the probe {PROBE} was not part of the run")
        if audit is None:
            return unjudged(self, "the rows were not read from the nodes")
        lost = [node for node in audit.nodes if node.synced and node.missing_total]
        if lost:
            return found(self, False, "; ".join(
                f"{node.node} lacks {node.missing_total} of {audit.acked} acknowledged rows "
                f"(first: {', '.join(node.missing[:5])})" for node in lost))
        acked = len(set(run.ledgers.get(PROBE, ())))
        if acked == 0 or audit.acked != acked:
            return unjudged(self, f"the ledger holds {acked} acknowledged rows, the audit saw {audit.acked}")
        synced = [node.node for node in audit.nodes if node.synced]
        if not synced:
            return unjudged(self, "no node was Synced when the rows were read")
        others = [node.node for node in audit.nodes if not node.synced]
        return found(self, True, f"{acked} acknowledged rows, all on {', '.join(synced)}"
                     + (f"; not Synced and not judged: {', '.join(others)}" if others else "")
                     + f"; {len(facts.primaries)} looks, never two Primary components")


CHECK = DbAcked()
