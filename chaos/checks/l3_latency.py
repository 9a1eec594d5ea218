"""L3: how slow the services were during and after the fault, against the run's own baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf

from chaos.checks import found, skipped, unjudged
from chaos.model import Finding, Outcome, Sample
from chaos.recording import Recording
from chaos.sla import DURING, LATENCY, said, slowest, times

ENOUGH = 5  # successes in a stretch, below which its percentiles say nothing
TAILS = (0.99, 0.95, 0.90)
BEYOND = 10  # samples, for one stall of the host delays up to six slots of the schedule: no word about the service


@dataclass(frozen=True)
class Latency:
    """Successes of one stretch: their latencies in seconds from the intended time, sorted; ``asked`` is how many
    operations there were, with those that failed."""

    took: tuple[float, ...]
    asked: int

    @property
    def count(self) -> int:
        return len(self.took)

    def at(self, share: float) -> float:
        return self.took[int(share * (self.count - 1))] if self.took else 0.0


class LatencyDegradation:
    """After full redundancy a service must be as fast as before, within the factor that the scenario promises.

    The median and the tail of the successes after convergence against those before the fault; one period of the
    schedule comes on top, for a factor of two milliseconds is the noise of the host.  The tail is p99, p95 or
    p90: the highest beyond which both stretches have ten samples, and none in a run with too few.  While the fault
    is on (from its begin to the heal) only what ``latency_during`` promises is judged, in the same way; the rest of
    that time is told.  How long a client may wait then, L1 says.

    A service that was asked and hardly answered keeps no promise.  One that was not asked often enough leaves it open.
    """

    id = "L3"
    title = "latency is back at the run's own baseline"
    kind = "liveness"

    def judge(self, run: Recording) -> Finding:
        facts = run.facts
        begin, whole = facts.inject_begin, facts.converged_at
        after = _promised(run, LATENCY)
        meanwhile = _promised(run, DURING)
        if not after and not meanwhile:
            return skipped(self, "the scenario promises no latency")
        if begin is None:
            return unjudged(self, "no time of injection")
        told = [_while_on(run, probe, promise, begin) for probe, promise in meanwhile.items()]
        if whole is not None:
            told += [_afterwards(run, probe, promise, begin, whole) for probe, promise in after.items()]
        if not told:
            return skipped(self, "the lab was never whole again, which L4 says")
        broken, blind = ([one for one in told if one.how == how] for how in ("broken", "blind"))
        if broken or not blind:
            return found(self, not broken, "; ".join(one.words for one in [*(broken or told), *blind]))
        return unjudged(self, "; ".join(one.words for one in blind))


@dataclass(frozen=True)
class _Told:
    how: str  # "kept", "broken", "blind"
    words: str


def _promised(run: Recording, word: str) -> dict[str, float | str]:
    """By probe what the scenario promises under that word."""
    return {probe: promise for probe in run.clients if (promise := said(run.facts.sla, word, probe)) is not None}


def _while_on(run: Recording, probe: str, promise: float | str, begin: float) -> _Told:
    """From the fault to its heal."""
    samples, slowness = run.samples.get(probe, ()), run.facts.timers.slowness
    healed = run.facts.heal_begin or run.facts.ended_at or begin
    before = latency(one for one in samples if one.ended < begin)
    during = latency(one for one in samples if begin <= one.intended < healed)
    return _compared(run, probe, before, during, "while the fault was on",
                     lambda share: slowest(promise, before.at(share), slowness),
                     lambda shares: f"{_words(before, shares)} before, {_words(during, shares)} while the fault was on "
                                    f"({promise})")


def _afterwards(run: Recording, probe: str, promise: float | str, begin: float, whole: float) -> _Told:
    """After full redundancy; the time between is told as well."""
    samples = run.samples.get(probe, ())
    before = latency(one for one in samples if one.ended < begin)
    during = latency(one for one in samples if begin <= one.intended < whole)
    after = latency(one for one in samples if one.intended >= whole
                            and one.ended <= (run.facts.undisturbed_until or inf))
    return _compared(run, probe, before, after, "after", lambda share: times(promise) * before.at(share),
                     lambda shares: f"{_words(before, shares)} before, {_words(during, shares)} during, "
                                    f"{_words(after, shares)} after ({promise})")


def _compared(run: Recording, probe: str, before: Latency, now: Latency, when: str, allowed: Callable[[float], float],
              words: Callable[[tuple[float, ...]], str]) -> _Told:
    if before.count < ENOUGH or now.asked < ENOUGH:
        return _Told("blind", f"{probe}: {before.count} successes before and {now.asked} operations {when}, "
                              f"too few to say how slow it was (need {ENOUGH})")
    if now.count < ENOUGH:
        return _Told("broken", f"{probe}: only {now.count} of {now.asked} operations succeeded {when}")
    shares = judged(min(before.count, now.count))
    slow = any(now.at(share) > allowed(share) + run.period(probe) for share in shares)
    return _Told("broken" if slow else "kept", f"{probe} {words(shares)}")


def judged(count: int) -> tuple[float, ...]:
    """Which percentiles say something of ``count`` samples: the median, and at most one of the tail."""
    tail = next((share for share in TAILS if round(count * (1 - share), 6) >= BEYOND), None)
    return (0.50,) if tail is None else (0.50, tail)


def latency(samples: Iterable[Sample]) -> Latency:
    """Of the successes among ``samples``."""
    listed = list(samples)
    return Latency(tuple(sorted(one.ended - one.intended for one in listed if one.outcome is Outcome.OK)), len(listed))


def _words(one: Latency, shares: tuple[float, ...]) -> str:
    if not one.count:
        return "no success"
    return " ".join(f"p{100 * share:.0f} {1000 * one.at(share):.0f}" for share in shares) + f" ms (n {one.count})"


CHECK = LatencyDegradation()
