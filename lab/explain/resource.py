"""Any resource of Pacemaker: where it is, why there, how it came there, and where it would go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from daemons import scheduler
from daemons.cib import Cib, Constraint
from daemons.pacemaker import Status, base
from daemons.scheduler import Line, Outlook, number
from lab.errors import NodeError
from lab.explain.model import Explanation, Point, listed
from lab.gates import on_node
from lab.lab import Lab
from lab.node import crm
from lab.node.asking import answers


@dataclass(frozen=True)
class ClusterFacts:
    """What one cluster says of itself: crm_mon, CIB, the scheduler's scores, and the log lines of all that answer.

    ``outlooks`` holds, by node, what the scheduler would do if it died; only of those that were asked about.
    """

    asked: str
    status: Status
    cib: Cib
    simulated: Element
    lines: list[Line]
    outlooks: Mapping[str, Outlook] = field(default_factory=dict)


def read(lab: Lab, cluster: str, resource: str) -> ClusterFacts:
    """Ask the cluster; NodeError if none of its nodes answers.  ``outlooks``: of the nodes that have ``resource``."""
    members = lab.plan.cluster(cluster)
    node = crm.reachable(lab, members)
    status = crm.status(lab, node)
    holders = sorted(status.places(resource))
    # Of a clone on sixteen nodes the loss of one tells the same as that of another.
    outlooks = {holder: scheduler.outlook(_xml(lab, node, scheduler.node_lost(holder))) for holder in holders[:1]}
    return ClusterFacts(node, status, crm.cib(lab, node), _xml(lab, node, scheduler.SCORES),
                        scheduler.history(answers(lab, members.nodes, scheduler.HISTORY)), outlooks)


def explain(lab: Lab, cluster: str, resource: str) -> Explanation:
    facts = read(lab, cluster, resource)
    return Explanation(resource, where(facts, resource), tell(facts, resource),
                       show=on_node(lab, facts.asked, "crm_simulate -sL"))


def tell(facts: ClusterFacts, resource: str) -> tuple[Point, ...]:
    """Score, constraints, last transition, failures and outlook of one resource."""
    return (*_unclean(facts, resource), _scores(facts, resource), *_constraints(facts, resource),
            *_changes(facts, resource),
            *_failures(facts, resource), *_outlooks(facts, resource))


def _unclean(facts: ClusterFacts, resource: str) -> list[Point]:
    """A place on a node that is lost and not fenced yet is no place: it only blocks the others."""
    lost = sorted(member.name for member in facts.status.members if "unclean" in member.special)
    held = [node for node in lost if node in facts.status.places(resource)]
    if not held:
        return []
    return [Point("waiting", f"{listed(held)} is lost and not known to be dead (unclean): what Pacemaker still shows "
                  "there is what was there last, and it starts nowhere else before the fencing is confirmed.",
                  tuple(f"{node}: unclean" for node in held))]


def where(facts: ClusterFacts, resource: str) -> str:
    """One sentence: the places and roles."""
    places = facts.status.places(resource)
    if not places:
        return f"{resource} runs nowhere"
    by_role: dict[str, list[str]] = {}
    for node, role in sorted(places.items()):
        by_role.setdefault(role, []).append(node)
    return f"{resource} is " + " and ".join(f"{role.lower()} on {listed(nodes)}" for role, nodes in by_role.items())


def _scores(facts: ClusterFacts, resource: str) -> Point:
    scores = scheduler.scores(facts.simulated, resource)
    promotion = scheduler.promotion_scores(facts.simulated, resource)
    sticky = facts.cib.stickiness(resource)
    homes = sorted(facts.status.places(resource))
    evidence = [f"{node}: {score}" + (f", promotion {promotion[node]}" if node in promotion else "")
                for node, score in scores.items()]
    if not scores:
        return Point("score", f"Pacemaker has no score for {resource}: no node may run it now")
    if not homes:
        says = "No node has a score that lets it run."
    elif facts.cib.holder(resource):
        says = f"A clone: one instance for each node that may run it; it runs on {len(homes)}."
    elif sticky != "0":
        says = (f"It stays on {homes[0]} because it is there: resource-stickiness is {sticky}, "
                "so another node coming back does not move it.")
    else:
        says = f"{homes[0]} has the highest score; nothing else would keep it there (resource-stickiness 0)."
    banned = [node for node, score in scores.items() if score == "-INFINITY" and node not in homes]
    if banned and not facts.cib.holder(resource):
        says += f" {listed(banned)} may not have it while things are as they are (-INFINITY)."
    return Point("score", says, tuple(evidence))


def _constraints(facts: ClusterFacts, resource: str) -> list[Point]:
    holder = facts.cib.holder(resource)
    found = [words for one in facts.cib.constraints for words in _in_words(one, resource, holder)]
    says = f"{len(found)} of the cluster's constraints name it." if found else "No constraint names it."
    return [Point("constraints", says, tuple(found))]


def _in_words(one: Constraint, resource: str, holder: str = "") -> list[str]:
    """A constraint that names ``resource`` or its clone, or has a pattern for it; nothing for any other."""
    names = {resource, holder} - {""}
    has = one.words
    score = has.get("score", has.get("kind", ""))
    match one.kind:
        case "rsc_location" if has.get("rsc") in names or one.picks(holder or resource):
            return _location(one, has.get("rsc") or f"{holder or resource} (by its pattern {has['rsc-pattern']})")
        case "rsc_colocation" if names & {has.get("rsc"), has.get("with-rsc")}:
            if number(score) >= 1e6:
                return [f"{one.id}: {has.get('rsc')} must be where {has.get('with-rsc')} is ({score})"]
            return [f"{one.id}: {has.get('rsc')} with {has.get('with-rsc')} ({score})"]
        case "rsc_order" if names & {has.get("first"), has.get("then")}:
            starts = ", starts only" if has.get("symmetrical") == "false" else ""
            return [f"{one.id}: {has.get('first')} before {has.get('then')} ({score}{starts})"]
    return []


def _location(one: Constraint, subject: str) -> list[str]:
    """One line for a location on a node, one for each rule of one that has rules."""
    asked = {"never": ", and is not looked for there before it is started",
             "exclusive": ", and is looked for nowhere else"}.get(one.words.get("resource-discovery", ""), "")
    places = [(f"on {one.words['node']}", one.words.get("score", ""))] if "node" in one.words else [
        (f"where {rule.says}", rule.score) for rule in one.rules]
    return [f"{one.id}: {subject} {place} has {score}{asked}" for place, score in places]


def _changes(facts: ClusterFacts, resource: str) -> list[Point]:
    points = []
    for node in sorted(facts.status.places(resource)):
        change = scheduler.last_change(facts.lines, resource, node)
        evidence = tuple(str(line) for line in (change.decided, change.done) if line)
        if change.done is None:
            says = f"On {node} it was found running already (a probe), not started by Pacemaker." \
                if change.decided is None else f"Pacemaker decided to put it on {node}, but no start is in the log."
        else:
            says = f"On {node} since {change.done.at}" + (f", because {change.because}." if change.because else ".")
        points.append(Point("how it came", says, evidence))
    return points


def _failures(facts: ClusterFacts, resource: str) -> list[Point]:
    counts = [f"{one.node}: failed {one.count} times, last {one.last}" for one in facts.status.fail_counts
              if one.resource == resource]
    failed = [f"{one}: {one.status} {one.reason}".strip() for one in facts.status.failures
              if one.operation.startswith(f"{resource}_")]
    if not counts and not failed:
        return []
    return [Point("failures", "Pacemaker remembers failures of it; enough of them (migration-threshold) ban a node.",
                  (*counts, *failed))]


def _outlooks(facts: ClusterFacts, resource: str) -> list[Point]:
    points = []
    for node, outlook in facts.outlooks.items():
        mine = [step for step in outlook.steps if base(step.resource) == resource]
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
    said = lab.shell.run(node, command, timeout=15, check=False).stdout
    try:
        return scheduler.simulated(said)
    except ValueError as error:
        raise NodeError(f"Pacemaker on {node} gave no answer", where=f"{command}; {error}",
                        remedy=f"./inv lab.status --name={lab.name}") from error
