"""V3: enough successes before and after, or a gap cannot be told from a probe that never worked."""

from __future__ import annotations

from chaos.checks import found
from chaos.measure import fault_window, windows
from chaos.model import Finding, Outcome
from chaos.recording import Recording

SECONDS = 2.0  # of the schedule, before the fault and after the window
HEALTHY = 0.99  # share of successes before the fault


class EnoughOperations:
    """At least two seconds' worth of successes on either side, and 99 % of them before the fault.

    A service that never came back while its probe went on asking is not invalid: L1 fails it.
    """

    id = "V3"
    title = "enough operations before and after"
    kind = "validity"

    def judge(self, run: Recording) -> Finding:
        begin = run.facts.inject_begin
        if begin is None:
            return found(self, False, "no time of injection")
        measured = windows(run)
        poor: list[str] = []
        good: list[str] = []
        for probe in run.clients:
            need = max(5, int(SECONDS / run.period(probe)))
            samples = run.samples.get(probe, ())
            before = [sample for sample in samples if sample.ended < begin]
            before_ok = sum(sample.outcome is Outcome.OK for sample in before)
            window = measured.get(probe)
            # Not after the run's longest window: that may be a hiccup in its last second.
            caused = fault_window(run, probe)
            after_begin = max(begin, caused.end) if caused else begin
            after = [sample for sample in samples if sample.intended >= after_begin]
            after_ok = sum(sample.outcome is Outcome.OK for sample in after)
            text = f"{probe} {before_ok} before, {after_ok} after (need {need})"
            if window is not None and window.never_back:
                text += " (never came back)"
                enough = before_ok >= need
            else:
                enough = min(before_ok, after_ok) >= need
            if before and before_ok < HEALTHY * len(before):
                text += f", only {100 * before_ok / len(before):.1f} % of those before succeeded"
                enough = False
            (good if enough else poor).append(text)
        if not good and not poor:
            return found(self, False, "no probe of a service ran")
        return found(self, not poor, "; ".join(poor or good))


CHECK = EnoughOperations()
