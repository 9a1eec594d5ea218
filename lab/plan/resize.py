"""Plan -> the plan of the same lab with another number of members in one cluster.

Pure, and the promise of R9: every node that stays keeps its name, index and addresses, and no
other cluster changes.  :mod:`lab.ops.scale` carries it out.
"""

from __future__ import annotations

import re

from lab.choices import unknown_choice
from lab.drivers.traits import traits
from lab.errors import RefusedError
from lab.plan import Cluster, Node, Plan
from lab.plan.layouts import cluster_warnings, machine, needed_disk_mb, needed_memory_mb
from lab.plan.ownclusters import NODE_LETTERS, PREFIX
from lab.plan.shape import MAX_MEMBERS, MAX_OVERRIDDEN, check_members


def resized(plan: Plan, cluster: str, size: int, *, passing: bool = False) -> Plan:
    """The plan with ``size`` members in ``cluster``: the last ones leave, new ones come last.

    New nodes are ``late``.  RefusedError: no such cluster, or a size that it cannot have.  ``passing``: a step on
    the way to another size, which may be odd although the cluster has a quorum device: members leave one at a time,
    because a queue may have two of its three replicas on the last two.
    """
    known = [one.name for one in plan.clusters]
    if cluster not in known:
        raise unknown_choice("cluster", cluster, known, where=f"--cluster={cluster}")
    old = plan.members(cluster)
    check_members(size, allow_large=len(old) > MAX_MEMBERS, where=f"--nodes={size}", wanted="--nodes={}",
                  override="a new lab with --allow-large")
    if plan.cluster(cluster).qdevice and size % 2 and not passing:
        raise RefusedError(
            f"Cluster {cluster} has a quorum device, and {size} is odd: each member and the device together would be "
            "even again.", where=f"--nodes={size}", remedy="an even number, or a new lab without --qdevice")
    if len(plan.nodes) - len(old) + size > MAX_OVERRIDDEN:
        raise RefusedError(f"A lab has addresses for {MAX_OVERRIDDEN} nodes.", where=f"--nodes={size}",
                           remedy="a smaller number")
    members = old[:size] if size <= len(old) else (*old, *_newcomers(plan, cluster, size - len(old)))
    nodes = tuple(sorted((*(node for node in plan.nodes if node.cluster != cluster), *members),
                         key=lambda node: node.index))
    clusters = tuple(
        one.model_copy(update={"nodes": tuple(node.name for node in members)}) if one.name == cluster else one
        for one in plan.clusters)
    return _estimated(plan, clusters, nodes)


def next_size(now: int, wanted: int) -> int:
    """How far a cluster of ``now`` members may go in one step on its way to ``wanted``.

    The members that are there must stay a majority of all while the others come; one leaves at a
    time, so that the ones that are left are always a majority of those before.
    """
    return min(wanted, 2 * now - 1) if wanted > now else max(wanted, now - 1)


def _newcomers(plan: Plan, cluster: str, count: int) -> list[Node]:
    pattern = plan.members(cluster)[-1]
    prefix, number = _numbering(plan, cluster)
    names = [f"{prefix}{number + extra}" for extra in range(count)]
    if long := [name for name in names if len(name) > NODE_LETTERS]:
        raise RefusedError(f"The new member would be {long[0]}, and a node's name has at most {NODE_LETTERS} letters "
                           "and digits: with the network it becomes an interface's.", where=f"cluster {cluster}",
                           remedy="fewer members, or a new lab whose topology gives its nodes shorter names")
    if taken := [name for name in names if name in {node.name for node in plan.hosts}]:
        raise RefusedError(f"The new member would be {taken[0]}, and there is such a node already.",
                           where=f"cluster {cluster}", remedy="a new lab whose topology names its nodes apart")
    free = [index for index in range(1, MAX_OVERRIDDEN + 1) if index not in {node.index for node in plan.nodes}]
    # After the cluster's own, so that its first member, which some files name, stays the first.
    free.sort(key=lambda index: (index < pattern.index, index))
    return [machine(name, index, cluster, pattern.services, pattern.memory_mb).model_copy(update={"late": True})
            for name, index in zip(names, free, strict=False)]


def _numbering(plan: Plan, cluster: str) -> tuple[str, int]:
    """The letters that the names of a cluster's nodes begin with, and the next number."""
    named = [re.fullmatch(r"([a-z][a-z0-9]*?)(\d+)", node.name) for node in plan.members(cluster)]
    prefixes = {match[1] for match in named if match}
    if len(prefixes) == 1 and all(named):
        return prefixes.pop(), max(int(match[2]) for match in named if match) + 1
    return cluster[:PREFIX], 1


def _estimated(plan: Plan, clusters: tuple[Cluster, ...], nodes: tuple[Node, ...]) -> Plan:
    """The new plan with what follows from its members: warnings, and what the host must have."""
    hosts = (*nodes, *([plan.qnetd] if plan.qnetd else []))
    return plan.model_copy(update={
        "clusters": clusters,
        "nodes": nodes,
        "warnings": (*traits(plan.driver).warnings(), *cluster_warnings(clusters, plan.profile)),
        "memory_mb": needed_memory_mb(plan.driver, hosts),
        "disk_mb": needed_disk_mb(plan.driver, hosts),
    })
