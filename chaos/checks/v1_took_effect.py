"""V1: a fault that did nothing proves nothing."""

from __future__ import annotations

from chaos.checks import found
from chaos.model import Finding
from chaos.recording import Recording


class TookEffect:
    """The fault's own proof, taken on the lab right after it acted."""

    id = "V1"
    title = "the fault took effect"
    kind = "validity"

    def judge(self, run: Recording) -> Finding:
        proof = run.facts.took_effect
        if proof is None or run.facts.inject_begin is None:
            return found(self, False, "nobody looked whether the fault took effect")
        return found(self, proof.ok, proof.evidence)


CHECK = TookEffect()
