"""R12: one node's death leaves every component working."""

from __future__ import annotations

from daemons.services import SERVICES
from lab.plan import Plan, Service
from provision.verify.facts import LabFacts
from provision.verify.instances import wrong_instances
from provision.verify.model import Judgement, Requirement, Result, judged, unproven
from provision.verify.proof import NODE_LOSS, how_to_prove, judged_run, newest


def _redundant(plan: Plan, facts: LabFacts) -> Judgement:
    problems = [f"{service} runs on {len(plan.running(service))} node(s)" for service in SERVICES
                if 0 < len(plan.running(service)) < 3] + wrong_instances(plan, facts) + _outside(plan, facts)
    if problems:
        return judged(problems, "")
    seen, missing = [], []
    for service in SERVICES:
        if not plan.running(service):
            continue
        run = newest(facts, lambda one: one.fault in NODE_LOSS and _takes(plan, one.target, service))  # noqa: B023
        if run is None:
            missing.append(service)
        elif judged_run(plan, run).result is Result.FAIL:
            return judged_run(plan, run)
        elif judged_run(plan, run).evidence not in seen:
            seen.append(judged_run(plan, run).evidence)
    sizes = ", ".join(f"{service} {len(plan.running(service))}" for service in SERVICES if plan.running(service))
    words = "; ".join([*seen, f"instances that listen: {sizes}"])
    if missing:
        return unproven(f"no recorded run takes a node of {', '.join(missing)}; {words}",
                        how_to_prove(plan, facts, ("node.poweroff", "node.freeze")))
    return judged([], words if plan.running("keystone") else f"{words}; the API is not deployed")


def _outside(plan: Plan, facts: LabFacts) -> list[str]:
    """Databases that are no part of one Primary component of the planned size."""
    problems = []
    for node in plan.running("galera"):
        answer = facts.nodes[node.name].galera
        seen = answer.get()
        if not seen.primary or seen.size != len(plan.running("galera")):
            problems.append(answer.shows(f"wsrep_cluster_status {seen.component}, wsrep_cluster_size {seen.size}"))
    return problems


def _takes(plan: Plan, target: tuple[str, ...], service: Service) -> bool:
    return any(node.name in target for node in plan.running(service))


REQUIREMENTS = (
    Requirement("R12", "Every component is redundant: one node's death leaves API, database, message "
                "queue and cache working.",
                "listening programs of every node, one Primary component; for each component the newest recorded run "
                "that took one of its nodes", _redundant),
)
