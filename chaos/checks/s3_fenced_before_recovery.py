"""S3: what ran on a lost node starts elsewhere only after the node is surely off."""

from __future__ import annotations

from chaos.checks import found, skipped, unjudged
from chaos.measure import takeovers
from chaos.model import Finding
from chaos.recording import Recording


class FencedBeforeRecovery:
    """On the host's clock: the cluster asked for fencing AND the node was off, both before the
    first ARP answer by another node (or the start of a resource that was recovered from it).

    Asking alone is not enough (the device may lie), and being off alone is not either: a cluster
    that took over without asking was only lucky that the fault had cut the power.
    """

    id = "S3"
    title = "fenced before recovered"
    kind = "safety"

    def judge(self, run: Recording) -> Finding:
        facts = run.facts
        if not facts.wants_fencing:
            return skipped(self, f"{facts.fault} is no unclean loss of a node")
        if facts.inject_begin is None:
            return unjudged(self, "no time of injection")
        recovered = [(before.node, after.node, after.begin, f"VIP {after.vip}")
                     for before, after in takeovers(run)]
        recovered += [(str(event.data["recovered_from"]), event.node, event.at,
                       str(event.data.get("resource", "?")))
                      for event in run.events_of("resource.start", since=facts.inject_begin)
                      if event.data.get("recovered_from") in facts.target]
        if not recovered:
            return skipped(self, "nothing of the lost node was seen to start elsewhere")
        words = [self._one(run, *one) for one in recovered]
        bad = [text for ok, text in words if not ok]
        return found(self, not bad, "; ".join(bad or [text for _, text in words]))

    def _one(self, run: Recording, lost: str, taker: str, at: float, what: str) -> tuple[bool, str]:
        begin = run.facts.inject_begin or 0.0
        start = f"{what} up on {taker} at {at - begin:+.2f} s"
        request = run.fence_request()
        if request is None or request.node != lost or request.at > at:
            late = f", fencing of {lost} was requested only at {request.at - begin:+.2f} s" if request else ""
            return False, f"{start}{late or f', and no fencing of {lost} was requested'}"
        power = sorted((event for event in run.events
                        if event.node == lost and event.kind.startswith("power.") and event.at <= at),
                       key=lambda event: event.at)
        if not power or power[-1].kind != "power.off":
            off = run.events_of("power.off", (lost,), at)
            when = f"{lost} went off only at {off[0].at - begin:+.2f} s" if off else f"{lost} was never off"
            return False, f"{start}, but {when} (fencing requested at {request.at - begin:+.2f} s)"
        return True, (f"{lost} off at {power[-1].at - begin:+.2f} s, fencing requested at "
                      f"{request.at - begin:+.2f} s, then {start}")


CHECK = FencedBeforeRecovery()
