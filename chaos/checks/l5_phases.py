"""L5: where the time of the recovery went."""

from __future__ import annotations

from chaos.checks import found, unjudged
from chaos.measure import Phase, phases
from chaos.model import Finding
from chaos.recording import Recording


class Phases:
    """Each phase has a time, unless the recording itself shows that this run has no such phase.

    The runner's notes excuse nothing.  A node that had to be fenced and was not is a failure
    although nobody missed it, and so is a ``wait`` of the scenario that ended without its phase.
    """

    id = "L5"
    title = "the phases of recovery are known"
    kind = "liveness"

    def judge(self, run: Recording) -> Finding:
        begin = run.facts.inject_begin
        if begin is None:
            return unjudged(self, "no time of injection")
        steps = phases(run)
        late = [f"wait for {name}: {words}" for name, words in run.facts.phase_notes.items()]
        missing = [step.name for step in steps if step.at is None and step.due]
        return found(self, not late and not missing, "; ".join([*(_words(step, begin) for step in steps), *late]))


def _words(step: Phase, begin: float) -> str:
    if step.at is not None:
        return f"{step.name} {step.at - begin:+.2f} s"
    return f"{step.name}: {'MISSING' if step.due else step.note}"


CHECK = Phases()
