"""S2: never two active instances of a service of which only one may be active."""

from __future__ import annotations

from itertools import groupby

from chaos.checks import found, skipped, unjudged
from chaos.looks import LOOK_EVERY, MAX_HOLE, NodeLook
from chaos.model import Finding, Outcome, Sample
from chaos.recording import Recording

WRITERS = "sql_write"
FLIP = 1.0  # s: HAProxy cannot take a writer out and in again so soon (fall and rise are two checks each)


class SingleActive:
    """Two services of this deployment are active/passive.

    * The virtual addresses, asked of the nodes' own kernels: unlike S1 this sees a node that was cut off from
      the clients and keeps an address that another has.  Two count as two only if one node surely had it all the
      time, before and after the other was seen with it: a move between two looks is no violation.
    * The database behind the proxy, which may be written through one member only.  Each acknowledged row of
      sql_write says which member took it: A, then B, then A again within a second (and two periods of the
      client, which asks no faster) are two writers.  A row that A was already working on when B took its first
      does not count.  A client that asks so seldom that a proxy may have moved there and back in between tells nothing.

    RabbitMQ and memcached are active on every node; S6 has what they must not do.
    """

    id = "S2"
    title = "one active instance of each active/passive service"
    kind = "safety"

    def judge(self, run: Recording) -> Finding:
        writers, sure = _two_writers(run)
        problem = _two_holders(run) or (writers if sure else "")
        if problem:
            return found(self, False, problem)
        if writers:
            return unjudged(self, f"{writers}, and {WRITERS} asks too seldom to tell two writers from one that moved")
        begin = run.facts.inject_begin
        if not run.facts.looked:
            return skipped(self, "a recording from before the nodes were watched")
        if begin is None:
            return unjudged(self, "no time of injection")
        seen = []
        if run.facts.vips:
            after = [one for one in run.looks if one.asked >= begin]
            if not after:
                return unjudged(self, "nobody asked the nodes which addresses they have after the fault")
            if unseen := _unseen(run, after, begin):
                return unjudged(self, unseen)
            seen.append(f"{len(after)} looks at the nodes' addresses, never one on two nodes")
        if WRITERS in run.facts.probes:
            reigns = _reigns(run.samples.get(WRITERS, ()))
            if not reigns:
                return unjudged(self, "no acknowledged row says which database took it")
            seen.append("writers one after the other: " + " -> ".join(server for server, _, _ in reigns))
        return found(self, True, "; ".join(seen)) if seen else skipped(
            self, "the lab has no virtual address, and nobody wrote")


def _unseen(run: Recording, after: list[NodeLook], begin: float) -> str:
    """Which node was hardly looked at, or for too long not at all: the address may have been there, too."""
    end, slowness = run.facts.ended_at or begin, run.facts.timers.slowness
    need = max(1, int((end - begin) / (LOOK_EVERY * slowness)))
    for node in run.facts.running("haproxy"):
        looks = sum(one.node == node for one in after)
        if node not in run.facts.target and looks < need:
            return f"{node} was looked at {looks} times in the {end - begin:.0f} s from the fault on (need {need})"
        hole = run.longest_hole(node, begin, end)
        if hole > MAX_HOLE * slowness:
            return (f"nobody looked at {node} for {hole:.0f} s in which it had power "
                    f"(at most {MAX_HOLE * slowness:.0f} s is allowed)")
    return ""


def _two_holders(run: Recording) -> str:
    for vip in sorted({vip for one in run.looks for vip in one.vips}):
        for node in sorted({one.node for one in run.looks}):
            for begin, end in _surely(run, vip, node):
                other = next((one for one in run.looks if one.node != node and vip in one.vips
                              and one.asked >= begin and one.answered <= end), None)
                if other is not None:
                    return (f"{vip} was on {other.node} while {node} had it too (there since "
                            f"{other.asked - begin:.1f} s before, and {end - other.answered:.1f} s after)")
    return ""


def _surely(run: Recording, vip: str, node: str) -> list[tuple[float, float]]:
    """When a node had the address beyond doubt: between neighbouring looks that found it, in one life of the node."""
    ends = run.ends(node)

    def life(look: NodeLook) -> tuple[bool, int]:
        return vip in look.vips, sum(end <= look.asked for end in ends)

    stretches = [(has, list(group)) for (has, _), group in groupby(
        (one for one in run.looks if one.node == node), key=life)]
    return [(found[0].answered, found[-1].asked) for has, found in stretches if has]


_Reign = tuple[str, Sample, Sample]  # the server, its first and its last acknowledged row


def _reigns(samples: tuple[Sample, ...]) -> list[_Reign]:
    """Which server acknowledged the rows, one after the other, by the time of the acknowledgement."""
    reigns: list[_Reign] = []
    good = (one for one in samples if one.outcome is Outcome.OK and one.detail)
    for sample in sorted(good, key=lambda one: one.ended):
        if reigns and reigns[-1][0] == sample.detail:
            reigns[-1] = (sample.detail, reigns[-1][1], sample)
        elif not (len(reigns) > 1 and reigns[-2][0] == sample.detail and sample.started <= reigns[-1][1].ended):
            reigns.append((sample.detail, sample, sample))
    return reigns


def _two_writers(run: Recording) -> tuple[str, bool]:
    """What was seen of them, '' for nothing; and whether no proxy can have done it by moving the writer."""
    reigns = _reigns(run.samples.get(WRITERS, ()))
    soon = FLIP + 2 * run.period(WRITERS)
    doubt = ""
    for (one, _, last), (other, _, _), (again, first, _) in zip(reigns, reigns[1:], reigns[2:], strict=False):
        back = first.ended - last.ended
        if one != again or back >= soon:
            continue
        begin = run.facts.inject_begin
        when = f", {first.ended - begin:+.2f} s from the fault" if begin is not None else ""
        told = f"rows were acknowledged by {one}, {other} and {again} again within {back:.2f} s{when}"
        if back < max(FLIP, _out_and_in(run)):
            return told, True
        doubt = doubt or told
    return doubt, False


def _out_and_in(run: Recording) -> float:
    """Seconds that a proxy needs at least to take a server out and in again; 0 if nobody knows."""
    timers = run.facts.timers
    if timers.haproxy_inter is None or timers.haproxy_fall is None or timers.haproxy_rise is None:
        return 0.0
    return (timers.haproxy_rise - 1) * timers.haproxy_inter + (timers.haproxy_fall - 1) * (
        timers.haproxy_fastinter or timers.haproxy_inter)


CHECK = SingleActive()
