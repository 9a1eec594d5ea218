"""V5: a run that needs fencing proves nothing on a cluster without it."""

from __future__ import annotations

from chaos.checks import found, skipped
from chaos.model import Finding
from chaos.recording import Recording


class FencingConfigured:
    """The runner asked the live cluster: stonith-enabled, a device per target, its status call."""

    id = "V5"
    title = "fencing is really configured"
    kind = "validity"

    def judge(self, run: Recording) -> Finding:
        facts = run.facts
        if not facts.wants_fencing:
            return skipped(self, f"{facts.fault} needs no fencing")
        if facts.fencing is None:
            return found(self, False, "nobody asked the cluster about its fencing")
        return found(self, facts.fencing.ok, facts.fencing.evidence)


CHECK = FencingConfigured()
