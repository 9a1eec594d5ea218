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
        bound = [window for window in windows(run).values() if window.bound_low]
        short = [window for window in bound
                 if window.seconds + window.period < (window.bound_low or 0.0) * (1 - TOLERANCE)]
        if unread and not short:
            return unjudged(self, "; ".join(unread))
        if not bound:
            return skipped(self, f"{run.facts.fault} on this target has no lower bound above zero")
        return found(self, not short, "; ".join(
            f"{window.service} {window.seconds:.2f} s {'below' if short else 'above'} "
            f"{window.bound_low:.2f} s ({window.bound_why})" for window in (short or bound)))


CHECK = Plausible()
