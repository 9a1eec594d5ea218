"""Any resource of Pacemaker: where it is, why there, how it came there, and where it would go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from lab.errors import NodeError
from lab.explain import pacemaker
from lab.explain.model import Explanation, Point, listed
from lab.explain.pacemaker import Line, Outlook
from lab.gates import on_node
from lab.lab import Lab
from lab.node import crm
from lab.node.asking import answers


@dataclass(frozen=True)
class ClusterFacts:
    """What one cluster says of itself: crm_mon, CIB and scores as XML, and the log lines of all that answer.

    ``outlooks`` holds, by node, what the scheduler would do if it died; only of those that were asked about.
    """

    asked: str
    status: Element
    cib: Element
    simulated: Element
    lines: list[Line]
    outlooks: Mapping[str, Outlook] = field(default_factory=dict)


def read(lab: Lab, cluster: str, resource: str) -> ClusterFacts:
    """Ask the cluster; NodeError if none of its nodes answers.  ``outlooks``: of the nodes that have ``resource``."""
    members = lab.plan.cluster(cluster)
    node = crm.reachable(lab, members)
    status = crm.status(lab, node)
    holders = sorted(pacemaker.places(status, resource))
    # Of a clone on sixteen nodes the loss of one tells the same as that of another.
    outlooks = {holder: pacemaker.outlook(_xml(lab, node, pacemaker.node_lost(holder))) for holder in holders[:1]}
    return ClusterFacts(node, status, crm.cib(lab, node), _xml(lab, node, pacemaker.SCORES),
                        pacemaker.history(answers(lab, members.nodes, pacemaker.HISTORY)), outlooks)


def explain(lab: Lab, cluster: str, resource: str) -> Explanation:
    facts = read(lab, cluster, resource)
    return Explanation(resource, where(facts, resource), tell(facts, resource),
                       show=on_node(lab, facts.asked, "crm_simulate -sL"))


def tell(facts: ClusterFacts, resource: str) -> tuple[Point, ...]:
    """Score, constraints, last transition, failures and outlook of one resource."""
    return (_scores(facts, resource), *_constraints(facts, resource), *_changes(facts, resource),
            *_failures(facts, resource), *_outlooks(facts, resource))


def where(facts: ClusterFacts, resource: str) -> str:
    """One sentence: the places and roles."""
    places = pacemaker.places(facts.status, resource)
    if not places:
        return f"{resource} runs nowhere"
    by_role: dict[str, list[str]] = {}
    for node, role in sorted(places.items()):
        by_role.setdefault(role, []).append(node)
    return f"{resource} is " + " and ".join(f"{role.lower()} on {listed(nodes)}" for role, nodes in by_role.items())


def _scores(facts: ClusterFacts, resource: str) -> Point:
    scores = pacemaker.scores(facts.simulated, resource)
    promotion = pacemaker.promotion_scores(facts.simulated, resource)
    sticky = pacemaker.stickiness(facts.cib, resource)
    homes = sorted(pacemaker.places(facts.status, resource))
    evidence = [f"{node}: {score}" + (f", promotion {promotion[node]}" if node in promotion else "")
                for node, score in scores.items()]
    if not scores:
        return Point("score", f"Pacemaker has no score for {resource}: no node may run it now")
    if not homes:
        says = "No node has a score that lets it run."
    elif pacemaker.clone_of(facts.cib, resource):
        says = f"A clone: one instance for each node that may run it; it runs on {len(homes)}."
    elif sticky != "0":
        says = (f"It stays on {homes[0]} because it is there: resource-stickiness is {sticky}, "
                "so another node coming back does not move it.")
    else:
        says = f"{homes[0]} has the highest score; nothing else would keep it there (resource-stickiness 0)."
    banned = [node for node, score in scores.items() if score == "-INFINITY" and node not in homes]
    if banned and not pacemaker.clone_of(facts.cib, resource):
        says += f" {listed(banned)} may not have it while things are as they are (-INFINITY)."
    return Point("score", says, tuple(evidence))


def _constraints(facts: ClusterFacts, resource: str) -> list[Point]:
    names = {resource, pacemaker.clone_of(facts.cib, resource)} - {""}
    found = pacemaker.constraints(facts.cib, names)
    says = f"{len(found)} of the cluster's constraints name it." if found else "No constraint names it."
    return [Point("constraints", says, tuple(found))]


def _changes(facts: ClusterFacts, resource: str) -> list[Point]:
    points = []
    for node in sorted(pacemaker.places(facts.status, resource)):
        change = pacemaker.last_change(facts.lines, resource, node)
        evidence = tuple(str(line) for line in (change.decided, change.done) if line)
        if change.done is None:
            says = f"On {node} it was found running already (a probe), not started by Pacemaker." \
                if change.decided is None else f"Pacemaker decided to put it on {node}, but no start is in the log."
        else:
            says = f"On {node} since {change.done.at}" + (f", because {change.because}." if change.because else ".")
        points.append(Point("how it came", says, evidence))
    return points


def _failures(facts: ClusterFacts, resource: str) -> list[Point]:
    counts = [f"{node.get('name')}: failed {history.get('fail-count')} times, last {history.get('last-failure', '?')}"
              for node in facts.status.iterfind("node_history/node") for history in node.iterfind("resource_history")
              if pacemaker.base(history.get("id", "")) == resource and history.get("fail-count", "0") != "0"]
    failed = [f"{one.get('op_key')} on {one.get('node')}: {one.get('exitstatus')} {one.get('exitreason', '')}".strip()
              for one in facts.status.iterfind("failures/failure")
              if one.get("op_key", "").startswith(f"{resource}_")]
    if not counts and not failed:
        return []
    return [Point("failures", "Pacemaker remembers failures of it; enough of them (migration-threshold) ban a node.",
                  (*counts, *failed))]


def _outlooks(facts: ClusterFacts, resource: str) -> list[Point]:
    points = []
    for node, outlook in facts.outlooks.items():
        mine = [step for step in outlook.steps if pacemaker.base(step.resource) == resource]
        evidence = [f"fence {fenced}: {reason}" for fenced, reason in outlook.fenced]
        evidence += [f"{step.action} {step.resource}: {step.source}" + (f" -> {step.dest}" if step.dest else "")
                     for step in mine]
        moves = [step.dest for step in mine if step.dest and step.dest != node]
        if moves:
            says = f"If {node} died now, it would be fenced and {resource} would go to {listed(moves)}."
        elif any(step.action == "stop" for step in mine):
            says = f"If {node} died now, it would be fenced; {resource} would go on elsewhere without that instance."
        else:
            says = f"If {node} died now, nothing would happen to {resource}."
        points.append(Point(f"if {node} died", says, tuple(evidence)))
    return points


def _xml(lab: Lab, node: str, command: str) -> Element:
    from xml.etree.ElementTree import ParseError, fromstring

    said = lab.shell.run(node, command, timeout=15, check=False).stdout
    try:
        return fromstring(said)
    except ParseError as error:
        raise NodeError(f"Pacemaker on {node} gave no answer", where=f"{command}; {error}",
                        remedy=f"./inv lab.status --name={lab.name}") from error
