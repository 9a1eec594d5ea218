"""V2: the heal is verified, or the next run starts on a broken lab."""

from __future__ import annotations

from chaos.checks import found
from chaos.model import Finding
from chaos.recording import Recording


class Healed:
    """Each fault's own proof that its inverse holds."""

    id = "V2"
    title = "the heal is verified"
    kind = "validity"

    def judge(self, run: Recording) -> Finding:
        proofs = [one.healed for one in run.facts.injections]
        if not proofs or None in proofs:
            return found(self, False, "nobody looked whether the fault was healed")
        seen = [proof for proof in proofs if proof is not None]
        return found(self, all(proof.ok for proof in seen), "; ".join(proof.evidence for proof in seen))


CHECK = Healed()
