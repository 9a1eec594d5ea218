"""L1: how long each service was away, against what was promised."""

from __future__ import annotations

from chaos.checks import found, unjudged
from chaos.measure import Window, windows
from chaos.model import Finding
from chaos.recording import Recording


class Outage:
    """Judges the longer one of gap (intended time) and stall (completion), +/- one period.

    A promise whose limit cannot be computed is no permission: it leaves the run unjudged,
    unless another service broke a promise that can.
    """

    id = "L1"
    title = "outage windows within the SLA"
    kind = "liveness"

    def judge(self, run: Recording) -> Finding:
        measured = windows(run)
        absent = [name for name in run.clients if name not in measured]
        if absent or not measured:
            return unjudged(self, f"no window for {', '.join(absent) or 'any service'}")
        broken = [window for window in measured.values() if not window.kept]
        blind = "; ".join(f"{one.service} has {one.missing}" for one in measured.values() if one.missing)
        if blind and not broken:
            return unjudged(self, blind)
        words = [_words(window) for window in (broken or measured.values())]
        return found(self, not broken, "; ".join([*words, *([blind] if blind else [])]))


def _words(window: Window) -> str:
    if window.never_back:
        return f"{window.service} did not come back within the {window.seconds:.2f} s that were left"
    promise = f"SLA {window.sla:.2f} s" if window.sla is not None else "no SLA"
    return (f"{window.service} {window.seconds:.2f} s +/- {window.period:.2f} ({promise}, by intended time "
            f"{window.by_intended:.2f}, by completion {window.by_completion:.2f}, outages {window.outages}, "
            f"downtime {window.downtime:.2f} s, n {window.operations})")


CHECK = Outage()
