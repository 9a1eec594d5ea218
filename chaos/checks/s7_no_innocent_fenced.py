"""S7: the cluster takes no node's power but that of those whom the fault takes away, and once for each loss."""

from __future__ import annotations

from chaos.checks import found, unjudged
from chaos.facts import Injection
from chaos.fencelog import fence_requests
from chaos.measure import may_be_fenced, relapses
from chaos.model import Finding
from chaos.recording import Recording
from lab.state.events import Event


class NoInnocentFenced:
    """Every order to a BMC comes from a node: halab moves the power switch itself.

    From the fault to the end of the run, who was ordered off has to be one that a fault of the run, by then, may have
    taken away (``BaseFault.may_be_fenced``).  Of a node that is only slow, or a bystander, a cluster may believe many
    things; that it is fenced for it is a failure that clients may not even notice.

    A fence ends a loss.  A node that has power again and is fenced once more, with no other fault to be fenced for,
    is in a loop that fences it whenever it comes back.  A fault that outlives the reboot may cost it more while it
    lasts (``BaseFault.relapses``).  Orders in one life of a node are one fence: an agent asks again, and a BMC may lie.
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
        innocent: list[str] = []
        again: list[str] = []
        for node in facts.nodes:
            requests = fence_requests(run.events, node, begin)
            if not requests:
                continue
            for_nothing = [one for one in requests if not _guilty(run, node, one.at)]
            left_over = _left_over(run, node)
            words.append(f"{node} at {requests[0].at - begin:+.2f} s")
            if for_nothing:
                innocent.append(f"{node} at {for_nothing[0].at - begin:+.2f} s")
            elif left_over:
                again.append(f"{node} at {left_over[0].at - begin:+.2f} s")
        bad = {f"fenced although {facts.fault} takes nobody of them away": innocent,
               "fenced once more for the same loss": again}
        if innocent or again:
            return found(self, False, "; ".join(f"{what}: {', '.join(who)}" for what, who in bad.items() if who))
        return found(self, True, f"fenced and meant: {', '.join(words)}" if words else "nobody was fenced")


def _guilty(run: Recording, node: str, at: float) -> list[Injection]:
    """The faults that struck by then and for which ``node`` may be fenced."""
    return [one for one in run.facts.injections
            if one.begin is not None and one.begin <= at and node in may_be_fenced(run, one)]


def _left_over(run: Recording, node: str) -> list[Event]:
    """The fences of ``node`` for which no loss was left."""
    healed = run.facts.heal_begin or float("inf")
    many, spent = [], 0
    for one in run.fencings(node):
        guilty = _guilty(run, node, one.at)
        if one.at < healed and any(relapses(fault) for fault in guilty):
            continue
        spent += 1
        if spent > len(guilty):
            many.append(one)
    return many


CHECK = NoInnocentFenced()
