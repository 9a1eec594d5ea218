"""L2: what all failed operations of a service together cost, against what was promised."""

from __future__ import annotations

from chaos.bounds import bounds
from chaos.checks import found, skipped, unjudged
from chaos.model import Finding, Outcome
from chaos.recording import Recording
from chaos.sla import ERRORS, said, seconds, share


class ErrorBudget:
    """The longest window (L1) says nothing about many short ones; this counts every operation from the fault on.

    A budget in seconds is worth so many periods of the schedule, so ``errors: bound + 2s`` reads: all
    failures together may cost no more than the one outage that is promised.  An operation with an unknown
    outcome failed for its client.  One operation more than the budget is within the resolution.
    """

    id = "L2"
    title = "failed operations within the error budget"
    kind = "liveness"

    def judge(self, run: Recording) -> Finding:
        expected = bounds(run.facts)
        words: list[str] = []
        broken: list[str] = []
        blind: list[str] = []
        for probe in run.clients:
            promise = said(run.facts.sla, ERRORS, probe)
            if promise is None:
                continue
            samples, period = run.measured(probe), run.period(probe)
            if not samples:
                blind.append(f"{probe} left no samples from the fault on")
                continue
            failed = sum(sample.outcome is not Outcome.OK for sample in samples)
            part = share(promise)
            bound = expected.known.get(probe)
            budget = part * len(samples) * period if part is not None else seconds(
                promise, bound.high if bound else None)
            if budget is None:
                blind.append(f"{probe} has no budget for '{promise}': {expected.missing.get(probe, 'no bound')}")
                continue
            text = (f"{probe} {failed} of {len(samples)} failed ({100 * failed / len(samples):.2f} %, "
                    f"{failed * period:.2f} s' worth; budget {budget:.2f} s)")
            (broken if failed * period > budget + period else words).append(text)
        if blind and not broken:
            return unjudged(self, "; ".join(blind))
        if not words and not broken:
            return skipped(self, "the scenario promises no error budget")
        return found(self, not broken, "; ".join([*(broken or words), *blind]))


CHECK = ErrorBudget()
