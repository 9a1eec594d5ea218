"""The run in order, for a table: the faults and the heal, power, fencing, and what the cluster did about it."""

from __future__ import annotations

from dataclasses import dataclass

from chaos.clusterlog import cluster_events
from chaos.fencelog import power_after
from chaos.recording import Recording
from chaos.report.marks import broken

LEAD = 1.0  # s before the fault from which on things are told; a database's log has whole seconds
_MOST = 150  # of them on one page


@dataclass(frozen=True)
class Moment:
    """``since`` the first fault, in seconds; ``who`` did it or wrote it down, ``said`` the nodes that did."""

    since: float
    node: str
    who: str
    what: str
    said: tuple[str, ...] = ()


def moments(run: Recording) -> tuple[Moment, ...]:
    """From just before the fault to full redundancy, by time; none without a fault."""
    facts, begin = run.facts, run.facts.inject_begin
    if begin is None:
        return ()
    found = [(one.begin, Moment(0, "", "fault", broken(one))) for one in facts.injections if one.begin is not None]
    if facts.heal_begin is not None:
        found.append((facts.heal_begin, Moment(0, "", "heal", "begins")))
    if facts.converged_at is not None:
        found.append((facts.converged_at, Moment(0, "", "lab", "every gate holds")))
    # Where somebody watches the power, his word alone: the switch's says the same once more.
    found += [(event.at, Moment(0, event.node, "power", state)) for event in run.events
              if (state := power_after(event)) and (event.kind == "power.seen") is facts.witnessed]
    found += [(event.at, Moment(0, event.node, "fencing", f"BMC: {event.data.get('command', '')}"))
              for node in facts.nodes for event in run.fencings(node)]
    found += [(event.at, Moment(0, event.node, event.daemon, event.what, event.said)) for event in cluster_events(run)]
    end = facts.converged_at or facts.ended_at or float("inf")
    shown = sorted(((at, one) for at, one in found if begin - LEAD <= at <= end), key=lambda one: one[0])
    return tuple(Moment(at - begin, one.node, one.who, one.what, one.said) for at, one in shown)[:_MOST]
