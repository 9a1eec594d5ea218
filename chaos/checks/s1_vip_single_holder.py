"""S1: never two nodes that answer for one virtual address."""

from __future__ import annotations

from itertools import pairwise

from chaos.checks import found, unjudged
from chaos.model import Finding
from chaos.recording import ArpRound, Recording

MAX_HOLE = 1.0  # seconds without a look; a double holder might live in a longer one
_FLIP = 0.5  # seconds: a VIP cannot be stopped and started twice in this time


class VipSingleHolder:
    """Two answers to ONE numbered request are two holders at one time.

    So is an answer by A, then B, then A again within half a second, for the case that each
    request reaches only one of the two.
    """

    id = "S1"
    title = "one holder per VIP at any time"
    kind = "safety"

    def judge(self, run: Recording) -> Finding:
        rounds = sorted(run.arp, key=lambda one: one.sent)
        problem = _double(run, rounds) or _flip(run, rounds)
        if problem:
            return found(self, False, problem)
        if not any(one.replies for one in rounds):
            return unjudged(self, "no ARP answer was recorded")
        heard = {one.vip for one in rounds if one.replies}
        if mute := sorted(set(run.facts.vips.values()) - heard):
            return unjudged(self, f"nobody ever answered for {', '.join(mute)}")
        hole = _hole(run, rounds)
        if hole > MAX_HOLE:
            return unjudged(self, f"nobody looked for {hole:.1f} s (at most {MAX_HOLE} s is allowed)")
        answered = sum(bool(one.replies) for one in rounds)
        holders = "; ".join(f"{vip}: {way}" for vip, way in _ways(run).items())
        return found(self, True, f"{len(rounds)} requests, {answered} answered, each by one node only "
                                 f"({holders}); longest time between looks {hole:.2f} s")


def _ways(run: Recording) -> dict[str, str]:
    """By VIP, the nodes that held it one after the other."""
    ways: dict[str, str] = {}
    for holding in run.holdings():
        ways[holding.vip] = f"{ways[holding.vip]} -> {holding.node}" if holding.vip in ways else holding.node
    return ways


def _double(run: Recording, rounds: list[ArpRound]) -> str:
    bad = [one for one in rounds if len({run.node_of(mac) for mac, _ in one.replies}) > 1]
    if not bad:
        return ""
    first = bad[0]
    nodes = ", ".join(f"{run.node_of(mac)} ({mac}) after {1000 * (at - first.sent):.1f} ms"
                      for mac, at in first.replies)
    begin = run.facts.inject_begin
    when = f"{first.sent - begin:+.2f} s from the fault" if begin is not None else f"at {first.sent:.2f}"
    return (f"{first.vip} was answered for by {nodes} in one request, {when}; "
            f"{len(bad)} such requests over {bad[-1].sent - first.sent:.1f} s")


def _flip(run: Recording, rounds: list[ArpRound]) -> str:
    for vip in sorted({one.vip for one in rounds}):
        seen = [(one.sent, run.node_of(one.replies[0][0]))
                for one in rounds if one.vip == vip and one.replies]
        for (t1, a), (_, b), (t3, c) in zip(seen, seen[1:], seen[2:], strict=False):
            if a == c != b and t3 - t1 < _FLIP:
                return f"{vip} was answered for by {a}, {b} and {a} again within {t3 - t1:.2f} s"
    return ""


def _hole(run: Recording, rounds: list[ArpRound]) -> float:
    """The longest time between looks at one VIP, from the fault to the end of the run."""
    worst = 0.0
    for vip in {one.vip for one in rounds}:
        times = [one.sent for one in rounds if one.vip == vip]
        for mark in (run.facts.inject_begin, run.facts.ended_at or run.facts.converged_at):
            if mark is not None:
                times.append(mark)  # a recording that begins late or ends early has a hole there
        times.sort()
        worst = max([worst, *(right - left for left, right in pairwise(times))])
    return worst


CHECK = VipSingleHolder()
