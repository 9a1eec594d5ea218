"""S4: what clients got an OK for is on every synced node at the end, money is neither made nor lost, and all
nodes hold the same."""

from __future__ import annotations

from itertools import pairwise, zip_longest

from chaos.checks import found, skipped, unjudged
from chaos.facts import PrimarySighting, SqlAudit
from chaos.looks import LOOK_EVERY, MAX_HOLE
from chaos.model import Finding
from chaos.recording import Recording
from daemons.services import SERVICES, of_process

PROBE, BANK = "sql_write", "sql_bank"
BOOT = 20.0  # s from the power to an answer (measured 6..15)
STALE = 5.0  # s for which a server that stood still may say what it knew before: two looks
STOPPING = ("proc.pause", "lb.backend_slow")  # the faults that let a server stand still; the latter knows no other
SERVER = SERVICES["galera"].process


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
        if split := _split(run):
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


def _split(run: Recording) -> PrimarySighting | None:
    """The first look that saw two components.

    A server that thaws says what it knew when it froze, until its group has told it that it was expelled (seen: gone
    at the next look).  It commits nothing meanwhile; S2 has the rows that two servers took.  So one look is forgiven if
    the next one does not see it any more, and if all of one component had just stood still.
    """
    def apart(look: PrimarySighting) -> set[tuple[str, str]]:
        return {(one, other) for nodes in look.components for one in nodes
                for others in look.components if others is not nodes for other in others}

    def stale(look: PrimarySighting, later: PrimarySighting | None) -> bool:
        return later is not None and not apart(look) & apart(later) and any(
            all(_stood_still(run, node, look.at) for node in nodes) for nodes in look.components)

    looks = run.facts.primaries
    return next((look for look, later in zip_longest(looks, looks[1:]) if apart(look) and not stale(look, later)), None)


def _stood_still(run: Recording, node: str, at: float) -> bool:
    """Whether the node was suspended shortly before, or a fault had stopped its server."""
    since = at - STALE * run.facts.timers.slowness
    if any(since <= event.at <= at for event in run.events_of("power.resume", (node,))):
        return True
    return any(one.fault in STOPPING and of_process(str(one.params.get("process", SERVER))) == "galera"
               and one.hits(node) and one.begin is not None and one.begin <= at and since <= (run.facts.heal_end or at)
               for one in run.facts.injections)


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
    slowness = facts.timers.slowness
    need = max(1, int((end - begin) / (LOOK_EVERY * slowness)))
    if looks < need:
        return (f"only {looks} looks at the Primary components in the {end - begin:.0f} s from the fault on "
                f"(need {need})")
    times = [begin, *(one.at for one in facts.primaries if begin <= one.at <= end and _was_told(run, one)), end]
    hole = max(right - left for left, right in pairwise(times))
    return "" if hole <= MAX_HOLE * slowness else (
        f"nobody looked at the Primary components for {hole:.0f} s (at most {MAX_HOLE * slowness:.0f} s is allowed)")


def _could_see(run: Recording, look: PrimarySighting) -> bool:
    """Whether this look could have found two components: one server's word alone shows one."""
    if look.answered is None:  # a recording from before it was noted
        return look.counts
    boot = BOOT * run.facts.timers.slowness
    powered = sum(run.powered(node, look.at, boot) for node in run.facts.running("galera"))
    return len(look.answered) >= max(1, min(2, powered))


def _was_told(run: Recording, look: PrimarySighting) -> bool:
    """Whether two servers answered at that moment, or all that had power and that no fault had hit.

    A fault's targets may be servers that answer nobody until they have joined again.
    """
    if look.answered is None:
        return look.counts
    boot = BOOT * run.facts.timers.slowness
    innocent = {node for node in run.facts.running("galera")
                if node not in run.facts.target and run.powered(node, look.at, boot)}
    return len(look.answered) >= 2 or innocent <= set(look.answered)


CHECK = DbAcked()
