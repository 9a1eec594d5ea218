"""Outage windows: pure arithmetic on one probe's samples.

Two clocks are looked at.  By INTENDED time a success counts at the moment when the schedule
wanted it, so a slow answer hides the wait before it; by COMPLETION it counts when it came, so
a stall with late successes shows.  Measured on Galera the two differ by a second (a commit
that hangs 2.05 s under a 1 s timeout shows 1.06 s by intended time), so both are computed.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chaos.model import Outcome, Sample


@dataclass(frozen=True)
class Span:
    """A stretch of time, epoch seconds.  ``open_end``: no success came before the recording ended."""

    begin: float
    end: float
    open_end: bool = False

    @property
    def seconds(self) -> float:
        return self.end - self.begin


def _successes(samples: Iterable[Sample], by_completion: bool) -> list[float]:
    times = (sample.ended if by_completion else sample.intended
             for sample in samples if sample.outcome is Outcome.OK)
    return sorted(times)


def _longest(times: list[float], begin: float | None, end: float | None,
             until: float | None) -> Span | None:
    """The longest stretch between neighbours among ``times`` that reaches past ``begin``.

    The stretch that is still open when the recording ends counts too: a service that never
    came back has no second success.  What begins after ``until`` is left out.
    """
    if begin is None:
        return None
    # From the last success before the fault on: the window starts there, not at the fault.
    first = max(0, bisect.bisect_right(times, begin) - 1)
    points = times[first:] or [begin]
    spans = [Span(left, right) for left, right in itertools.pairwise(points)]
    if end is not None and end > points[-1]:
        spans.append(Span(points[-1], end, open_end=True))
    if until is not None:
        spans = [span for span in spans if span.begin <= until]
    return max(spans, key=lambda span: span.seconds, default=None)


def longest_gap(samples: Sequence[Sample], begin: float | None, end: float | None,
                until: float | None = None) -> Span | None:
    """The longest gap between successes by intended time, from ``begin`` (the fault) on.

    The end of the recording is the last slot's intended time if ``end`` is later: after the
    schedule stopped nobody asked, so nothing is missing.  With ``until``, only stretches that
    had begun by then count.
    """
    last = max((sample.intended for sample in samples), default=None)
    return _longest(_successes(samples, by_completion=False), begin, _earlier(end, last), until)


def longest_stall(samples: Sequence[Sample], begin: float | None, end: float | None,
                  until: float | None = None) -> Span | None:
    """The longest stretch in which no success completed, from ``begin`` on; ``until`` as there."""
    last = max((sample.intended for sample in samples), default=None)
    return _longest(_successes(samples, by_completion=True), begin, _earlier(end, last), until)


def outages(samples: Sequence[Sample], period: float) -> tuple[Span, ...]:
    """Every gap by intended time that lost at least one slot: longer than one and a half periods."""
    times = _successes(samples, by_completion=False)
    found = [Span(left, right) for left, right in itertools.pairwise(times)
             if right - left > 1.5 * period]
    last = max((sample.intended for sample in samples), default=None)
    if times and last is not None and last - times[-1] > 1.5 * period:
        found.append(Span(times[-1], last, open_end=True))
    return tuple(found)


def downtime(spans: Iterable[Span], period: float) -> float:
    """Seconds without service over all spans: each is shorter by the period that is normal."""
    return sum(max(0.0, span.seconds - period) for span in spans)


def _earlier(one: float | None, other: float | None) -> float | None:
    known = [time for time in (one, other) if time is not None]
    return min(known) if known else None
