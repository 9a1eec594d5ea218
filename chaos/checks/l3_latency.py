"""L3: how slow the services were during and after the fault, against the run's own baseline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chaos.checks import found, skipped, unjudged
from chaos.model import Finding, Outcome, Sample
from chaos.recording import Recording
from chaos.sla import LATENCY, said, times

ENOUGH = 5  # successes in a stretch, below which its percentiles say nothing
TAILS = (0.99, 0.95, 0.90)
BEYOND = 10  # samples, for one stall of the host delays up to six slots of the schedule: no word about the service


@dataclass(frozen=True)
class Latency:
    """Successes of one stretch: their latencies in seconds from the intended time, sorted."""

    took: tuple[float, ...]

    @property
    def count(self) -> int:
        return len(self.took)

    def at(self, share: float) -> float:
        return self.took[int(share * (self.count - 1))] if self.took else 0.0


class LatencyDegradation:
    """After full redundancy a service must be as fast as before, within the factor that the scenario promises.

    The median and the tail of the successes after convergence against those before the fault; one period of the
    schedule comes on top, for a factor of two milliseconds is the noise of the host.  The tail is p99, p95 or
    p90: the highest beyond which both stretches have ten samples, and none in a run with too few.  The time
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
            shares = judged(min(before.count, after.count))
            text = (f"{probe} {_words(before, shares)} before, {_words(during, shares)} during, "
                    f"{_words(after, shares)} after ({factor:g}x)")
            slow = any(after.at(share) > factor * before.at(share) + run.period(probe) for share in shares)
            (broken if slow else words).append(text)
        if not words and not broken:
            return skipped(self, "; ".join(blind))  # too few: V3's to say
        return found(self, not broken, "; ".join([*(broken or words), *blind]))


def judged(count: int) -> tuple[float, ...]:
    """Which percentiles say something of ``count`` samples: the median, and at most one of the tail."""
    tail = next((share for share in TAILS if round(count * (1 - share), 6) >= BEYOND), None)
    return (0.50,) if tail is None else (0.50, tail)


def latency(samples: Iterable[Sample]) -> Latency:
    """Of the successes among ``samples``."""
    return Latency(tuple(sorted(one.ended - one.intended for one in samples if one.outcome is Outcome.OK)))


def _words(one: Latency, shares: tuple[float, ...]) -> str:
    if not one.count:
        return "no success"
    return " ".join(f"p{100 * share:.0f} {1000 * one.at(share):.0f}" for share in shares) + f" ms (n {one.count})"


CHECK = LatencyDegradation()
