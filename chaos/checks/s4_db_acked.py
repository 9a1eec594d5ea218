"""S4: what clients got an OK for is on every synced node at the end, money is neither made nor lost, and all
nodes hold the same."""

from __future__ import annotations

from itertools import zip_longest

from chaos.checks import found, skipped, unjudged
from chaos.facts import PrimarySighting, SqlAudit
from chaos.looks import LOOK_EVERY
from chaos.model import Finding
from chaos.recording import Recording

PROBE, BANK = "sql_write", "sql_bank"
BOOT = 20.0  # s from the power to an answer (measured 6..15)


class DbAcked:
    """Rows, the bank's total, the tables' checksums, and that never two Primary components were seen at one time.

    Not to have seen two is worth something only if somebody looked, also after the fault, and at two databases at
    once where two had power.  And after convergence a member that could not be read is no member without lost rows.

    The bank's sum is what every reader saw during the run and every synced node has in the end.  The
    checksums tell rows apart that nobody acknowledged, and that one node has and another has not.
    """

    id = "S4"
    title = "no acknowledged row is lost"
    kind = "safety"

    def judge(self, run: Recording) -> Finding:
        facts, audit = run.facts, run.facts.sql
        if split := _split(facts.primaries):
            sides = " | ".join(", ".join(nodes) for nodes in split.components)
            return found(self, False, f"two Primary components at one time: {sides}")
        if not {PROBE, BANK} & set(facts.probes):
            return skipped(self, f"neither {PROBE} nor {BANK} was part of the run")
        if audit is None:
            return unjudged(self, "the rows were not read from the nodes")
        lost = [node for node in audit.nodes if node.synced and node.missing_total]
        if lost:
            return found(self, False, "; ".join(
                f"{node.node} lacks {node.missing_total} of {audit.acked} acknowledged rows "
                f"(first: {', '.join(node.missing[:5])})" for node in lost))
        if problem := _bank(run, audit) or _differing(audit):
            return found(self, False, problem)
        acked = len(set(run.ledgers.get(PROBE, ())))
        if PROBE in facts.probes and (acked == 0 or audit.acked != acked):
            return unjudged(self, f"the ledger holds {acked} acknowledged rows, the audit saw {audit.acked}")
        synced = [node.node for node in audit.nodes if node.synced]
        if not synced:
            return unjudged(self, "no node was Synced when the rows were read")
        others = [node for node in facts.running("galera") if node not in synced]
        if others and facts.converged_at is not None:
            return unjudged(self, f"converged, and the rows were not read from a Synced {', '.join(others)}")
        if words := _too_few_looks(run) or _unknown_bank(run, audit) or _unknown_sums(run, audit):
            return unjudged(self, words)
        totals = sorted(set(run.ledgers.get(BANK, ())))
        return found(self, True, f"{acked} acknowledged rows, all on {', '.join(synced)}"
                     + (f"; the bank held {totals[0].partition('/')[2]} at each of "
                        f"{len(run.ledgers[BANK])} looks and in the end" if totals else "")
                     + ("; all tables equal" if any(node.tables for node in audit.nodes) else "")
                     + (f"; not Synced and not judged: {', '.join(others)}" if others else "")
                     + f"; {len(facts.primaries)} looks, never two Primary components")


def _split(looks: tuple[PrimarySighting, ...]) -> PrimarySighting | None:
    """The first look that saw two components of which the next one saw two still, or after which nobody looked.

    A server that thaws says what it knew when it froze, until its group has told it that it was expelled (seen: gone
    at the next look).  It commits nothing meanwhile; S2 has the rows that two servers took.
    """
    def apart(look: PrimarySighting) -> set[tuple[str, str]]:
        return {(one, other) for nodes in look.components for one in nodes
                for others in look.components if others is not nodes for other in others}

    return next((look for look, later in zip_longest(looks, looks[1:])
                 if apart(look) and (later is None or apart(look) & apart(later))), None)


def _bank(run: Recording, audit: SqlAudit) -> str:
    """What is wrong with the bank's total; empty if nothing is."""
    seen = sorted({entry.partition("/")[2] for entry in run.ledgers.get(BANK, ())})
    if len(seen) > 1:
        return f"readers saw the bank hold {', '.join(seen[:5])}"
    bad = [f"{node.node} holds {node.bank}" for node in audit.nodes
           if seen and node.synced and node.bank is not None and str(node.bank) != seen[0]]
    return f"the bank held {seen[0]} during the run, and in the end {', '.join(bad)}" if bad else ""


def _unknown_bank(run: Recording, audit: SqlAudit) -> str:
    if BANK not in run.facts.probes:
        return ""
    if not run.ledgers.get(BANK):
        return "nobody read the bank's total during the run"
    unread = [node.node for node in audit.nodes if node.synced and node.bank is None]
    return f"the bank's total was not read from {', '.join(unread)}" if unread else ""


def _differing(audit: SqlAudit) -> str:
    """Tables that are not the same on all synced nodes; empty if all are."""
    synced = [node for node in audit.nodes if node.synced]
    for table in sorted({table for node in synced for table in node.tables}):
        sums = {node.node: node.tables.get(table, "no checksum") for node in synced}
        if len(set(sums.values())) > 1:
            return f"table {table} differs: " + ", ".join(f"{node} {value}" for node, value in sums.items())
    return ""


def _unknown_sums(run: Recording, audit: SqlAudit) -> str:
    """Whose tables nobody compared; recordings from before they were have none."""
    blind = [node.node for node in audit.nodes if run.facts.looked and node.synced and not node.tables]
    return f"no checksum of a table was read from {', '.join(blind)}" if blind else ""


def _too_few_looks(run: Recording) -> str:
    """What is missing for the words "never two Primary components"; empty if nothing is."""
    facts = run.facts
    begin, end = facts.inject_begin, facts.ended_at
    if begin is None or end is None:
        return "no time of injection, or of the end"
    looks = sum(one.at >= begin and _could_see(run, one) for one in facts.primaries)
    need = max(1, int((end - begin) / (LOOK_EVERY * facts.timers.slowness)))
    if looks >= need:
        return ""
    return (f"only {looks} looks at the Primary components in the {end - begin:.0f} s from the fault on "
            f"(need {need})")


def _could_see(run: Recording, look: PrimarySighting) -> bool:
    """Whether this look could have found two components: one server's word alone shows one."""
    if look.answered is None:  # a recording from before it was noted
        return look.counts
    boot = BOOT * run.facts.timers.slowness
    powered = sum(run.powered(node, look.at, boot) for node in run.facts.running("galera"))
    return len(look.answered) >= max(1, min(2, powered))


CHECK = DbAcked()
