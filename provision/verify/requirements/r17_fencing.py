"""R17: fencing is on, complete, and proven."""

from __future__ import annotations

from lab.plan import Plan
from provision.verify.facts import LabFacts
from provision.verify.model import Judgement, Requirement, judged
from provision.verify.proof import by_run


def _fenced(plan: Plan, facts: LabFacts) -> Judgement:
    problems = []
    for cluster in plan.clusters:
        answer = facts.nodes[cluster.nodes[0]].cib
        cib = answer.get()
        if not cib.fencing_on:
            problems.append(answer.shows(f"stonith-enabled={cib.properties['stonith-enabled']} in {cluster.name}"))
        problems += [answer.shows(f"no fence device for {node}") for node in cluster.nodes if not cib.fences(node)]
    if not problems and facts.fencing.value is None:
        problems.append(facts.fencing.shows(facts.fencing.trouble))
    if problems:
        return judged(problems, "")
    return by_run(plan, facts, ("node.freeze",), f"fencing is on, {facts.fencing.get()}")


REQUIREMENTS = (
    Requirement("R17", "Fencing is on, with a device for each node, and proven: a frozen node is isolated and there is "
                "never a second active copy.", "stonith-enabled and devices of the live CIB; each device's own status "
                "call; newest recorded run that froze a node", _fenced),
)
