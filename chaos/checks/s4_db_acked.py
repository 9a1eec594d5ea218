"""S4: every row that a client got an OK for is on every synced node at the end."""

from __future__ import annotations

from chaos.checks import found, skipped, unjudged
from chaos.facts import Facts
from chaos.model import Finding
from chaos.recording import Recording

PROBE = "sql_write"
LOOK_EVERY = 5.0  # seconds on average; the watch looks every two, but an outage may hide some looks


class DbAcked:
    """Rows, and that never two Primary components were seen at one time.

    Not to have seen two is worth something only if somebody looked, also after the fault.  And
    after convergence a member that could not be read is no member without lost rows.
    """

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
        others = [node for node in facts.running("galera") if node not in synced]
        if others and facts.converged_at is not None:
            return unjudged(self, f"converged, and the rows were not read from a Synced {', '.join(others)}")
        if words := _too_few_looks(facts):
            return unjudged(self, words)
        return found(self, True, f"{acked} acknowledged rows, all on {', '.join(synced)}"
                     + (f"; not Synced and not judged: {', '.join(others)}" if others else "")
                     + f"; {len(facts.primaries)} looks, never two Primary components")


def _too_few_looks(facts: Facts) -> str:
    """What is missing for the words "never two Primary components"; empty if nothing is."""
    begin, end = facts.inject_begin, facts.ended_at
    if begin is None or end is None:
        return "no time of injection, or of the end"
    looks = sum(one.counts and one.at >= begin for one in facts.primaries)
    need = max(1, int((end - begin) / (LOOK_EVERY * facts.timers.slowness)))
    if looks >= need:
        return ""
    return (f"only {looks} looks at the Primary components in the {end - begin:.0f} s from the fault on "
            f"(need {need})")


CHECK = DbAcked()
