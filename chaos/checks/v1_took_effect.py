"""V1: a fault that did nothing proves nothing."""

from __future__ import annotations

from chaos.checks import found
from chaos.model import Finding
from chaos.recording import Recording


class TookEffect:
    """Each fault's own proof, taken on the lab right after it acted."""

    id = "V1"
    title = "the fault took effect"
    kind = "validity"

    def judge(self, run: Recording) -> Finding:
        if not run.facts.injections:
            return found(self, False, "no fault was injected")
        proofs = [(one.fault, one.took_effect) for one in run.facts.injections]
        unseen = [fault for fault, proof in proofs if proof is None]
        if unseen:
            return found(self, False, f"nobody looked whether {' and '.join(unseen)} took effect")
        seen = [proof for _, proof in proofs if proof is not None]
        return found(self, all(proof.ok for proof in seen), "; ".join(proof.evidence for proof in seen))


CHECK = TookEffect()
