"""L4: back to FULL redundancy, every gate, not just back to serving."""

from __future__ import annotations

from chaos.bounds import bounds
from chaos.checks import found, unjudged
from chaos.model import Finding
from chaos.recording import Recording
from chaos.sla import CONVERGED, limit


class Converged:
    """Counted from the inject and from the heal; the SLA ``converged`` is for the time from the heal."""

    id = "L4"
    title = "converged to full redundancy"
    kind = "liveness"

    def judge(self, run: Recording) -> Finding:
        facts = run.facts
        failed = [f"{gate.name}: {gate.detail}" for gate in facts.gates if not gate.ok]
        if facts.converged_at is None or failed:
            return found(self, False, "not converged: " + ("; ".join(failed) or "the deadline passed"))
        if facts.inject_begin is None or not facts.gates:
            return unjudged(self, "no gates or no time of injection")
        since_inject = facts.converged_at - facts.inject_begin
        since_heal = facts.converged_at - (facts.heal_end or facts.inject_begin)
        highest = max((bound.high for bound in bounds(facts).values()), default=None)
        promise = limit(facts.sla, CONVERGED, highest)
        if promise is not None and facts.sla.get(CONVERGED) not in ("bound",):
            promise *= facts.timers.slowness  # promised for nodes at full speed: a boot is most of it
        words = (f"{since_heal:.1f} s from the heal, {since_inject:.1f} s from the fault; "
                 f"{len(facts.gates)} gates hold")
        return found(self, promise is None or since_heal <= promise,
                     words + (f"; SLA {promise:.1f} s" if promise is not None else "; no SLA"))


CHECK = Converged()
