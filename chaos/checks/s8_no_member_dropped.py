"""S8: the cluster drops no member but those whom the fault may cost it."""

from __future__ import annotations

from chaos.checks import found, skipped, unjudged
from chaos.checks import v4_schedule_kept as schedule_kept
from chaos.measure import may_leave
from chaos.model import Finding
from chaos.recording import Recording
from daemons import corosync


class NoMemberDropped:
    """A membership that a healthy member is dropped from stops services, and moves them, for nothing.

    From the fault to the end of the run, each member that corosync's log says has left has to be one that a fault of
    the run, by then, may have cost the cluster (``BaseFault.may_leave``), and none where the lab was seen whole again
    before the next fault.  The word of those is not taken: whoever is cut off sees all others leave.  If one is
    dropped, every other that stays has to form the new membership as well, so one log of each cluster is enough, and
    none is too few.  On a host that kept no schedule of its own (V4) a token is lost for that alone: such a loss
    proves nothing.
    """

    id = "S8"
    title = "no healthy member was dropped"
    kind = "safety"

    def judge(self, run: Recording) -> Finding:
        facts = run.facts
        begin = facts.inject_begin
        if begin is None:
            return unjudged(self, "no time of injection")
        dropped: dict[str, list[tuple[float, str]]] = {}
        for at, who, by in _losses(run, begin):
            gone = _may_be_gone(run, at)
            if who not in gone and by not in gone:
                dropped.setdefault(who, []).append((at - begin, by))
        if dropped:
            words = ("; ".join(_words(node, said) for node, said in dropped.items())
                     + f", although {facts.fault} costs the cluster none of them")
            if not schedule_kept.CHECK.in_time(run):
                return unjudged(self, f"{words}; but the host was late (V4), which costs a token by itself")
            return found(self, False, words)
        stages = [stage for one in facts.injections if one.begin is not None for stage in _stayed(run, one.begin)]
        stayed = sorted({node for stage in stages if len(stage) > 1 for node in stage}, key=facts.nodes.index)
        if not stayed:
            return skipped(self, f"{facts.fault} may cost each of them the others: there are no two to stay together")
        read = [node for node in stayed if node in _read(run)]
        if not read and facts.logged is None:
            return skipped(self, "a recording that does not say whose logs were read")
        unread = [stage for stage in stages if len(stage) > 1 and not set(stage) & set(read)]
        if unread:
            return unjudged(self, f"no log was read of those who stayed ({', '.join(unread[0])})")
        return found(self, True, f"nobody of {', '.join(stayed)} was dropped"
                     + (" while no fault might cost it" if len(stages) > 1 else "")
                     + f", say the logs of {', '.join(read)}")


def _losses(run: Recording, begin: float) -> list[tuple[float, str, str]]:
    """(time, who left, who says so) of each loss from ``begin`` (epoch seconds) to the end of the run."""
    return [(line.at, run.member(index), line.node)
            for line in run.log if line.source == "corosync" and begin <= line.at <= (run.facts.ended_at or line.at)
            for index in corosync.left(line.text)]


def _may_be_gone(run: Recording, at: float) -> set[str]:
    """Whom the faults that have struck by then, and that the lab was not yet whole after, may have cost the cluster."""
    return {node for fault in run.facts.injections
            if fault.begin is not None and fault.begin <= at and (fault.whole_at is None or at < fault.whole_at)
            for node in may_leave(run, fault)}


def _stayed(run: Recording, at: float) -> list[list[str]]:
    """By cluster, who has to be a member from ``at``, when a fault struck, to the next one or to the end."""
    gone = _may_be_gone(run, at)
    return [[node for node in members if node not in gone]
            for members in run.facts.clusters.values() or (run.facts.nodes,)]


def _read(run: Recording) -> tuple[str, ...]:
    """Whose logs were read; where nobody noted it, those that have lines."""
    return run.facts.logged if run.facts.logged is not None else tuple({line.node for line in run.log})


def _words(node: str, said: list[tuple[float, str]]) -> str:
    """One loss is told by each who stays, so who says it is named and not counted."""
    return f"{node} was dropped at {min(at for at, _ in said):+.2f} s, say {', '.join(sorted({by for _, by in said}))}"


CHECK = NoMemberDropped()
