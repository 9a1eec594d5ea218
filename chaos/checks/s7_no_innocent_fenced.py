"""S7: the cluster takes no node's power but that of those whom the fault takes away."""

from __future__ import annotations

from chaos.checks import found, unjudged
from chaos.fencelog import fence_requests
from chaos.measure import may_be_fenced
from chaos.model import Finding
from chaos.recording import Recording


class NoInnocentFenced:
    """Every order to a BMC comes from a node: halab moves the power switch itself.

    From the fault to the end of the run, who was ordered off has to be one that a fault of the run, by then, may have
    taken away (``BaseFault.may_be_fenced``).  Of a node that is only slow, or a bystander, a cluster may believe many
    things; that it is fenced for it is a failure that clients may not even notice.
    """

    id = "S7"
    title = "nobody innocent was fenced"
    kind = "safety"

    def judge(self, run: Recording) -> Finding:
        facts = run.facts
        begin = facts.inject_begin
        if begin is None:
            return unjudged(self, "no time of injection")
        if not run.events_of("fault.inject"):
            return unjudged(self, "the diary of the run is not there")
        words: list[str] = []
        bad: list[str] = []
        for node in facts.nodes:
            requests = fence_requests(run.events, node, begin)
            if not requests:
                continue
            innocent = [one for one in requests if not any(
                fault.begin is not None and fault.begin <= one.at and node in may_be_fenced(run, fault)
                for fault in facts.injections)]
            at = (innocent or requests)[0].at - begin
            (bad if innocent else words).append(f"{node} at {at:+.2f} s")
        if bad:
            return found(self, False, f"fenced although {facts.fault} takes nobody of them away: {', '.join(bad)}")
        return found(self, True, f"fenced and meant: {', '.join(words)}" if words else "nobody was fenced")


CHECK = NoInnocentFenced()
