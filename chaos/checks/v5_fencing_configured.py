"""V5: a run that needs fencing proves nothing on a cluster without it."""

from __future__ import annotations

from chaos.checks import found, skipped
from chaos.model import Finding
from chaos.recording import Recording


class FencingConfigured:
    """The runner asked the live cluster: stonith-enabled, and a device for each node that may have to be fenced.

    That the devices answer is the gate ``fencing``, without which nothing is broken.
    """

    id = "V5"
    title = "fencing is really configured"
    kind = "validity"

    def judge(self, run: Recording) -> Finding:
        facts = run.facts
        asked = [one.fencing for one in facts.injections if one.wants_fencing or one.fencing is not None]
        if not asked:
            return skipped(self, f"{facts.fault} needs no fencing")
        if None in asked:
            return found(self, False, "nobody asked the cluster about its fencing")
        said = [proof for proof in asked if proof is not None]
        return found(self, all(proof.ok for proof in said), "; ".join(proof.evidence for proof in said))


CHECK = FencingConfigured()
