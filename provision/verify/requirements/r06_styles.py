"""R6..R11: the three styles, as the plan has them and as the nodes run them."""

from __future__ import annotations

from itertools import combinations

from daemons.services import SERVICES
from lab.plan import Plan
from lab.plan.topology import topology_from_options
from provision.verify.facts import LabFacts
from provision.verify.instances import wrong_instances
from provision.verify.model import Judgement, Requirement, judged, not_deployed


def _collapsed(plan: Plan, facts: LabFacts) -> Judgement:
    if plan.style != "collapsed":
        return not_deployed(f"this lab is {plan.style}")
    problems = [] if len(plan.clusters) == 1 else [f"{len(plan.clusters)} clusters in the plan"]
    deployed = [service for service in SERVICES if plan.running(service)]
    problems += [f"{service} does not run on {node.name} by the plan" for node in plan.nodes for service in deployed
                 if service not in node.services]
    problems += wrong_instances(plan, facts)
    first = facts.nodes[plan.nodes[0].name].sockets
    return judged(problems, f"{len(plan.nodes)} nodes, one cluster, {', '.join(deployed)} on each; "
                  + first.shows(", ".join(sorted({one.program for one in first.get() if one.program}))))


def _ordering(plan: Plan, facts: LabFacts) -> Judgement:
    if plan.style != "collapsed":
        return not_deployed(f"this lab is {plan.style}: across clusters Pacemaker orders nothing")
    answer = facts.nodes[plan.nodes[0].name].cib
    cib = answer.get()
    words = [(one.kind, one.words) for one in cib.constraints]
    problems = []
    for vip in (one.id for one in cib.primitives if one.type == "IPaddr2"):
        if not any(kind == "rsc_colocation" and (word.get("rsc"), word.get("with-rsc"), word.get("score"))
                   == (vip, "haproxy-clone", "INFINITY") for kind, word in words):
            problems.append(answer.shows(f"no colocation of {vip} with haproxy-clone"))
        if not any(kind == "rsc_order" and (word.get("first"), word.get("then"), word.get("kind"))
                   == (vip, "haproxy-clone", "Optional") for kind, word in words):
            problems.append(answer.shows(f"no optional order {vip} then haproxy-clone"))
    problems += [answer.shows(f"mandatory order {word.get('first')} then {word.get('then')} restarts every proxy at "
                              "each move of the VIP") for kind, word in words if kind == "rsc_order"
                 and word.get("then") == "haproxy-clone" and word.get("kind") != "Optional"]
    if not problems and not any(one.type == "IPaddr2" for one in cib.primitives):
        problems.append(answer.shows("no VIP in the CIB"))
    return judged(problems, answer.shows("each VIP with haproxy-clone, order optional")
                  + "; the orders before cinder-volume come with it; a cold start is R19's")


def _segregated(plan: Plan, facts: LabFacts) -> Judgement:
    if len(plan.clusters) < 2:
        return not_deployed("this lab is one cluster")
    problems = [f"cluster {cluster.name} has {len(cluster.nodes)} nodes" for cluster in plan.clusters
                if len(cluster.nodes) < 3]
    if plan.style == "segregated":
        problems += [f"cluster {cluster.name} runs {', '.join(cluster.services)}" for cluster in plan.clusters
                     if len(cluster.services) != 1]
    problems += _shared(plan, facts)
    names, words = [], []
    for cluster in plan.clusters:
        want = tuple(sorted(plan.node(name).index for name in cluster.nodes))
        for name in cluster.nodes:
            node = facts.nodes[name]
            if node.quorum.get().members != want:
                problems.append(node.quorum.shows(f"members {node.quorum.get().members}, the cluster has {want}"))
        conf = facts.nodes[cluster.nodes[0]].corosync
        names.append(conf.get().get("totem.cluster_name", ""))
        words.append(f"{names[-1]} {len(cluster.nodes)}")
    if len(set(names)) != len(names) or "" in names:
        problems.append(f"cluster names are not distinct: {', '.join(names)}")
    return judged(problems + wrong_instances(plan, facts),
                  f"{', '.join(words)} members; names and authkeys differ, no node sees a member of another cluster "
                  "(corosync-quorumtool and sha256sum of the authkey on every node)")


def _shared(plan: Plan, facts: LabFacts) -> list[str]:
    problems = []
    for one, other in combinations(plan.clusters, 2):
        first, second = facts.nodes[one.nodes[0]].authkey, facts.nodes[other.nodes[0]].authkey
        if first.get() == second.get():
            problems.append(first.shows(f"the same key as {second.node}'s: clusters {one.name} and {other.name} "
                                        "could merge"))
        problems += [f"{node} is in {one.name} and {other.name}" for node in set(one.nodes) & set(other.nodes)]
    for cluster in plan.clusters:
        keys = {facts.nodes[name].authkey.get() for name in cluster.nodes}
        if len(keys) != 1:
            problems.append(f"the members of {cluster.name} have {len(keys)} different authkeys")
    return problems


def _one_component(plan: Plan, facts: LabFacts) -> Judgement:
    if not any(cluster.services == ("galera",) for cluster in plan.clusters):
        return not_deployed("the database has no cluster of its own here")
    home = plan.running("galera")[0].cluster
    elsewhere = [one for one in facts.moved.get() if one.leaves == "galera" and plan.node(one.node).cluster != home]
    problems = [f"{one.node}:{one.path} would change" for one in elsewhere
                if one.role != "haproxy" or "haproxy" not in plan.node(one.node).services]
    return judged(problems, facts.moved.shows(
        f"outside cluster {home} nothing but {', '.join(sorted({one.path for one in elsewhere})) or 'nothing'} on "
        f"{', '.join(sorted({one.node for one in elsewhere})) or 'no node'}"))


def _mixed(plan: Plan, facts: LabFacts) -> Judgement:
    if plan.style != "mixed":
        return not_deployed(f"this lab is {plan.style}")
    alone = [cluster for cluster in plan.clusters if len(cluster.services) == 1]
    rest = [cluster for cluster in plan.clusters if len(cluster.services) > 1]
    problems = [] if alone else ["a layout of your own: no component has a cluster of its own"]
    # None at all where the rest is one component: in the largest layouts it is memcached, for want of an API tier.
    problems += [f"{len(rest)} clusters run several components"] if len(rest) > 1 else []
    deployed = [service for cluster in plan.clusters for service in cluster.services]
    problems += [f"{service} runs in {deployed.count(service)} clusters" for service in SERVICES
                 if deployed.count(service) > 1]
    return judged(problems + wrong_instances(plan, facts), "alone: "
                  + ", ".join(f"{cluster.name} ({cluster.services[0]}, {len(cluster.nodes)})" for cluster in alone)
                  + ("; together: " if rest else "")
                  + ", ".join(f"{cluster.name} ({', '.join(cluster.services)})" for cluster in rest))


def _default(_plan: Plan, _facts: LabFacts) -> Judgement:
    style = topology_from_options().style
    return judged([] if style == "collapsed" else [f"the default style is {style}"],
                  "./inv lab.plan: without --style the plan is collapsed")


REQUIREMENTS = (
    Requirement("R6", "Collapsed: one cluster, and every component on every node.",
                "plan; the listening programs of every node (ss)", _collapsed),
    Requirement("R7", "Collapsed: the order between components is modelled exactly.",
                "constraints of the live CIB (cibadmin)", _ordering),
    Requirement("R8", "Segregated: each component has a cluster of three or more nodes of its own, with its own name "
                "and authkey, and no host is in two. The names and keys are checked in mixed labs too.",
                "plan; corosync.conf, authkey digest and live membership of every node; listening programs",
                _segregated),
    Requirement("R9", "Segregated: the capacity of one component can be raised alone.",
                "all files rendered with and without one database node: outside its cluster only the proxies' "
                "configuration differs", _one_component),
    Requirement("R10", "Mixed: named bottleneck components have clusters of their own, the rest is collapsed.",
                "plan; the listening programs of every node", _mixed),
    Requirement("R11", "Collapsed is the style that one gets without asking.", "a plan made without options", _default),
)
