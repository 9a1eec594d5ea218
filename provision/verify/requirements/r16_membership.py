"""R16: one quorum calculation, the same on every node."""

from __future__ import annotations

from lab.plan import Plan
from provision.verify.facts import LabFacts
from provision.verify.model import Judgement, Requirement, judged


def _same_view(plan: Plan, facts: LabFacts) -> Judgement:
    problems, words = [], []
    for cluster in plan.clusters:
        want = tuple(sorted(plan.node(name).index for name in cluster.nodes))
        for name in cluster.nodes:
            answer = facts.nodes[name].quorum
            seen = answer.get()
            if seen.members != want:
                problems.append(answer.shows(f"members {list(seen.members)}, cluster {cluster.name} has {list(want)}"))
            if not seen.quorate:
                problems.append(answer.shows("Quorate: No"))
        words.append(f"{cluster.name}: {len(want)} nodes see members {list(want)}, Quorate: Yes")
    return judged(problems, facts.nodes[plan.nodes[0].name].quorum.shows("; ".join(words)))


REQUIREMENTS = (
    Requirement("R16", "One quorum calculation for all: every node reports the same membership and is quorate.",
                "corosync-quorumtool on every node, compared", _same_view),
)
