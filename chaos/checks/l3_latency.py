"""L3: how slow the services were during and after the fault, against the run's own baseline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chaos.checks import found, skipped, unjudged
from chaos.model import Finding, Outcome, Sample
from chaos.recording import Recording
from chaos.sla import LATENCY, said, times

ENOUGH = 5  # successes in a stretch, below which its percentiles say nothing
MEDIAN, TAIL = 0.50, 0.99


@dataclass(frozen=True)
class Latency:
    """Successes of one stretch: how many, and their latency in seconds from the intended time."""

    count: int
    p50: float
    p99: float


class LatencyDegradation:
    """After full redundancy a service must be as fast as before, within the factor that the scenario promises.

    p50 and p99 of the successes after convergence against those before the fault; one period of the
    schedule comes on top, for a factor of two milliseconds is the noise of the host.  The time
    between is told and not judged: how long a client may wait then, L1 says.
    """

    id = "L3"
    title = "latency is back at the run's own baseline"
    kind = "liveness"

    def judge(self, run: Recording) -> Finding:
        facts = run.facts
        promised = {probe: times(promise) for probe in run.clients
                    if (promise := said(facts.sla, LATENCY, probe)) is not None}
        if not promised:
            return skipped(self, "the scenario promises no latency")
        begin, whole = facts.inject_begin, facts.converged_at
        if begin is None:
            return unjudged(self, "no time of injection")
        if whole is None:
            return skipped(self, "the lab was never whole again, which L4 says")
        words: list[str] = []
        broken: list[str] = []
        blind: list[str] = []
        for probe, factor in promised.items():
            samples = run.samples.get(probe, ())
            before = latency(one for one in samples if one.ended < begin)
            during = latency(one for one in samples if begin <= one.intended < whole)
            after = latency(one for one in samples if one.intended >= whole)
            if min(before.count, after.count) < ENOUGH:
                blind.append(f"{probe} not judged: {before.count} successes before and {after.count} after")
                continue
            text = f"{probe} {_words(before)} before, {_words(during)} during, {_words(after)} after ({factor:g}x)"
            room = run.period(probe)
            slow = after.p50 > factor * before.p50 + room or after.p99 > factor * before.p99 + room
            (broken if slow else words).append(text)
        if not words and not broken:
            return skipped(self, "; ".join(blind))  # too few: V3's to say
        return found(self, not broken, "; ".join([*(broken or words), *blind]))


def latency(samples: Iterable[Sample]) -> Latency:
    """Of the successes among ``samples``; zeros where there is none."""
    took = sorted(one.ended - one.intended for one in samples if one.outcome is Outcome.OK)
    if not took:
        return Latency(0, 0.0, 0.0)
    return Latency(len(took), took[int(MEDIAN * (len(took) - 1))], took[int(TAIL * (len(took) - 1))])


def _words(one: Latency) -> str:
    return f"p50 {1000 * one.p50:.0f} p99 {1000 * one.p99:.0f} ms (n {one.count})" if one.count else "no success"


CHECK = LatencyDegradation()
