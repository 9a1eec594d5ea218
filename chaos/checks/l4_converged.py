"""L4: back to FULL redundancy, every gate, not just back to serving."""

from __future__ import annotations

from dataclasses import replace

from chaos.bounds import bounds
from chaos.checks import found, unjudged
from chaos.model import Finding
from chaos.recording import Recording
from chaos.sla import CONVERGED, limit, of_bound


class Converged:
    """Counted from the inject and from the begin of the heal; the SLA ``converged`` is for the time from the heal.
    From its begin, for an inverse may wait itself: a unit's start blocks until the daemon serves.

    The lab has to be whole still when the probes stop: a cluster may react to a short fault after it was found whole.
    """

    id = "L4"
    title = "converged to full redundancy"
    kind = "liveness"

    def judge(self, run: Recording) -> Finding:
        facts = run.facts
        failed = [f"{gate.name}: {gate.detail}" for gate in facts.gates if not gate.ok]
        if facts.converged_at is None or failed:
            when = "not converged" if facts.converged_at is None else "converged, and not whole any more at the end"
            return found(self, False, f"{when}: " + ("; ".join(failed) or "the deadline passed"))
        if facts.inject_begin is None or not facts.gates:
            return unjudged(self, "no gates or no time of injection")
        since_inject = facts.converged_at - facts.inject_begin
        since_heal = facts.converged_at - (facts.heal_begin or facts.inject_begin)
        expected = bounds(facts)
        lacks = "; ".join(f"{service}: {what}" for service, what in expected.missing.items())
        promise = limit(facts.sla, CONVERGED, None if lacks else expected.highest, lacks)
        if promise.seconds is not None and not of_bound(facts.sla[CONVERGED]):
            # Promised for nodes at full speed: most of it is a boot.
            promise = replace(promise, seconds=promise.seconds * facts.timers.slowness)
        if promise.missing:
            return unjudged(self, promise.missing)
        words = (f"{since_heal:.1f} s from the heal, {since_inject:.1f} s from the fault; "
                 f"{len(facts.gates)} gates hold")
        return found(self, promise.seconds is None or since_heal <= promise.seconds,
                     words + (f"; SLA {promise.seconds:.1f} s" if promise.seconds is not None else "; no SLA"))


CHECK = Converged()
