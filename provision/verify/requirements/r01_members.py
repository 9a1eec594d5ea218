"""R1..R4: how many members a cluster has, and what halab refuses to build."""

from __future__ import annotations

from lab.errors import RefusedError
from lab.plan import Plan
from lab.plan.shape import MAX_MEMBERS
from lab.plan.topology import topology_from_options
from provision.verify.facts import LabFacts
from provision.verify.model import Judgement, Requirement, judged

_LEAST = 3


def _at_least_three(plan: Plan, facts: LabFacts) -> Judgement:
    problems = [f"cluster {cluster.name} has {len(cluster.nodes)} members in the plan"
                for cluster in plan.clusters if len(cluster.nodes) < _LEAST]
    words = []
    for cluster in plan.clusters:
        for node in cluster.nodes:
            answer = facts.nodes[node].quorum
            votes = answer.get().expected_votes
            if votes < len(cluster.nodes):
                problems.append(answer.shows(f"Expected votes: {votes}, cluster {cluster.name} has "
                                             f"{len(cluster.nodes)} members"))
        words.append(facts.nodes[cluster.nodes[0]].quorum.shows(
            f"Expected votes: {facts.nodes[cluster.nodes[0]].quorum.get().expected_votes}"))
    problems += _not_refused("2")
    return judged(problems, "; ".join(words))


def _odd(plan: Plan, facts: LabFacts) -> Judgement:
    problems, words = [], []
    for cluster in plan.clusters:
        members = len(cluster.nodes)
        warned = any(cluster.name in text and "even" in text for text in plan.warnings)
        if members % 2 or cluster.qdevice:
            words.append(f"{cluster.name} has {members}" + (" and a quorum device" if cluster.qdevice else ""))
        elif warned:
            words.append(f"{cluster.name} has {members}, and lab.plan warns of the {members // 2}:{members // 2} split")
        else:
            problems.append(f"cluster {cluster.name} has {members} members and lab.plan does not warn")
        for node in cluster.nodes if cluster.qdevice else ():
            answer = facts.nodes[node].quorum
            if "Qdevice" not in answer.get().flags:
                problems.append(answer.shows("no Qdevice among the flags"))
    return judged(problems, "; ".join(words))


def _supported(plan: Plan, _facts: LabFacts) -> Judgement:
    problems = []
    for cluster in plan.clusters:
        members = len(cluster.nodes)
        warned = any("well tested" in text for text in plan.warnings)
        if members < _LEAST or (members > MAX_MEMBERS and not warned):
            problems.append(f"cluster {cluster.name} has {members} members, without a warning")
    problems += _not_refused(str(MAX_MEMBERS + 1))
    sizes = ", ".join(f"{cluster.name} {len(cluster.nodes)}" for cluster in plan.clusters)
    return judged(problems, f"members: {sizes}; lab.plan --nodes={MAX_MEMBERS + 1} is refused")


def _no_pair(plan: Plan, facts: LabFacts) -> Judgement:
    problems = _not_refused("2")
    for node in plan.nodes:
        answer = facts.nodes[node.name].quorum
        if "2Node" in answer.get().flags:
            problems.append(answer.shows("two_node mode is on"))
        conf = facts.nodes[node.name].corosync
        if conf.get().get("quorum.two_node", "0") != "0":
            problems.append(conf.shows("two_node: 1"))
    first = facts.nodes[plan.nodes[0].name].quorum
    return judged(problems, f"lab.plan --nodes=2 is refused; {first.shows('Flags: ' + ' '.join(first.get().flags))}")


def _not_refused(nodes: str) -> list[str]:
    try:
        topology_from_options(nodes=nodes)
    except RefusedError:
        return []
    return [f"lab.plan --nodes={nodes} is not refused"]


REQUIREMENTS = (
    Requirement("R1", "Every corosync cluster has three members or more; fewer is refused.",
                "plan; expected votes of every node (corosync-quorumtool); a request for two nodes is refused",
                _at_least_three),
    Requirement("R2", "A cluster should have an odd number of members; an even one is warned of, each cluster by "
                "itself, or has a quorum device.", "plan and its warnings; the Qdevice flag of every node", _odd),
    Requirement("R3", "3 to 16 members are supported; more only when asked for, with a warning.",
                "plan and its warnings; a request for 17 nodes is refused", _supported),
    Requirement("R4", "No cluster of two nodes: either both would fence or both would run.",
                "a request for two nodes is refused; corosync's two_node mode is off on every node", _no_pair),
)
