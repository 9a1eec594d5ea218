"""R5: a split network."""

from __future__ import annotations

from lab.plan import Plan
from provision.verify.facts import LabFacts
from provision.verify.model import Judgement, Requirement, judged
from provision.verify.proof import by_run


def _majority_wins(plan: Plan, facts: LabFacts) -> Judgement:
    problems = []
    for cluster in plan.clusters:
        cib = facts.nodes[cluster.nodes[0]].cib
        policy = cib.get().properties.get("no-quorum-policy", "stop")
        if policy not in ("stop", "suicide", "fence"):
            problems.append(cib.shows(f"no-quorum-policy={policy}"))
    if problems:
        return judged(problems, "")
    return by_run(plan, facts, ("net.split", "net.isolate"), "no-quorum-policy is stop in every cluster")


REQUIREMENTS = (
    Requirement("R5", "When the network splits, the majority fences the minority and serves on; the minority serves "
                "nothing.", "newest recorded run that cuts a network (VIP and Primary component on one side, fenced "
                "before recovered); no-quorum-policy", _majority_wins),
)
