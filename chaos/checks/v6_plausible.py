"""V6: too good to be true."""

from __future__ import annotations

from chaos.bounds import bounds
from chaos.checks import found, skipped, unjudged
from chaos.measure import windows
from chaos.model import Finding
from chaos.recording import Recording

# A token timer counts from the last token seen, some ms before the fault; timers are not exact.
TOLERANCE = 0.05


class Plausible:
    """A window below the fault's theoretical lower bound means that something else was measured:
    a fault on the wrong node, a probe past the broken path, timers that are not what was read."""

    id = "V6"
    title = "no window is shorter than the fault allows"
    kind = "validity"

    def judge(self, run: Recording) -> Finding:
        expected = bounds(run.facts)
        unread = [f"{name}: {expected.missing[name]}" for name in sorted(expected.unread)]
        bound = [(window, floor) for window in windows(run).values()
                 if (floor := expected.floors[window.service]).seconds]
        short = [(window, floor) for window, floor in bound
                 if window.seconds + window.period < floor.seconds * (1 - TOLERANCE)]
        if unread and not short:
            return unjudged(self, "; ".join(unread))
        if not bound:
            return skipped(self, f"{run.facts.fault} on this target has no lower bound above zero")
        return found(self, not short, "; ".join(
            f"{window.service} {window.seconds:.2f} s {'below' if short else 'above'} "
            f"{floor.seconds:.2f} s ({floor.why})" for window, floor in (short or bound)))


CHECK = Plausible()
