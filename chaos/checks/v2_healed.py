"""V2: the heal is verified, or the next run starts on a broken lab."""

from __future__ import annotations

from chaos.checks import found
from chaos.model import Finding
from chaos.recording import Recording


class Healed:
    """The fault's own proof that its inverse holds."""

    id = "V2"
    title = "the heal is verified"
    kind = "validity"

    def judge(self, run: Recording) -> Finding:
        proof = run.facts.healed
        if proof is None:
            return found(self, False, "nobody looked whether the fault was healed")
        return found(self, proof.ok, proof.evidence)


CHECK = Healed()
