"""L5: where the time of the recovery went."""

from __future__ import annotations

from chaos.checks import found, unjudged
from chaos.measure import phases
from chaos.model import Finding
from chaos.recording import Recording


class Phases:
    """Each phase has a time, or a reason why it has none."""

    id = "L5"
    title = "the phases of recovery are known"
    kind = "liveness"

    def judge(self, run: Recording) -> Finding:
        begin = run.facts.inject_begin
        if begin is None:
            return unjudged(self, "no time of injection")
        steps = phases(run)
        silent = [step.name for step in steps if step.at is None and not step.note]
        words = "; ".join(f"{step.name} {step.at - begin:+.2f} s" if step.at is not None
                          else f"{step.name}: {step.note or 'missing without a reason'}" for step in steps)
        return found(self, not silent, words)


CHECK = Phases()
