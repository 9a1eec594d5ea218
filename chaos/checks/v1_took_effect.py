"""V1: a fault that did nothing proves nothing."""

from __future__ import annotations

from math import inf

from chaos.checks import found
from chaos.facts import Injection
from chaos.model import Finding
from chaos.recording import Recording


class TookEffect:
    """Each fault's own proof, taken on the lab right after it acted.

    Of a fault that endures it was taken once more right before the heal, and holds as well, unless the
    target lost its power in between: what was in effect inside of it may have gone with it.
    """

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
        if gone := [f"not any more before the heal: {one.held.evidence}" for one in run.facts.injections
                    if one.held is not None and not one.held.ok and not _lost_power(run, one)]:
            return found(self, False, "; ".join(gone))
        return found(self, all(proof.ok for proof in seen), "; ".join(proof.evidence for proof in seen))


def _lost_power(run: Recording, injection: Injection) -> bool:
    begin, end = injection.begin or 0.0, run.facts.heal_begin or inf
    return any(run.was_off(node, begin, end) is not None for node in injection.target)


CHECK = TookEffect()
