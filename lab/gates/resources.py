"""Every resource is where the plan wants it and none is failed, no node is in a special state."""

from __future__ import annotations

from daemons.pacemaker import Failure, Status
from lab.gates import Look, on_node
from lab.lab import Lab
from lab.node import crm
from lab.parallel import for_each
from lab.plan import Cluster, Plan


class Resources:
    name = "resources"
    after: tuple[str, ...] = ("membership", "galera")

    def applies(self, plan: Plan) -> bool:
        return bool(plan.clusters)

    def look(self, lab: Lab) -> Look:
        total = 0
        remembered: list[Failure] = []
        seen = for_each(lab.plan.clusters, lambda cluster: crm.status(lab, cluster.nodes[0]))
        for cluster, status in zip(lab.plan.clusters, seen, strict=True):
            if trouble := _node_trouble(status, cluster) or _resource_trouble(status, lab, cluster):
                return Look(False, trouble)
            total += len(status.resources)
            remembered += status.failures
        # What was recovered is no lack of redundancy: Pacemaker only remembers it, until failure-timeout.
        history = f"remembered failures: {', '.join(map(str, remembered[:3]))}" if remembered else "no failed action"
        return Look(True, f"{total} resource instances in place, {history}")

    def show(self, lab: Lab) -> str:
        return on_node(lab, lab.plan.clusters[0].nodes[0], "crm_mon -1rf")


def _node_trouble(status: Status, cluster: Cluster) -> str:
    members = {member.name: member for member in status.members}
    for name in cluster.nodes:
        seen = members.get(name)
        if seen is None or not seen.online:
            return f"{name} is not online in Pacemaker"
        if seen.special:
            return f"{name} is {seen.special[0]}"
    # A BMC that did not answer is asked until it does, even when its node is back and all looks well: a thawed node
    # was green, and off 4 s later (seen).
    if status.fencing:
        return f"{', '.join(status.fencing)} is being fenced"
    return "" if status.dc else f"cluster {cluster.name} has no DC"


def _resource_trouble(status: Status, lab: Lab, cluster: Cluster) -> str:
    where: dict[str, set[str]] = {}
    for resource in status.resources:
        homes = where.setdefault(resource.id, set())
        if resource.failed or resource.blocked:
            return f"{resource.id} is failed or blocked"
        if not resource.managed:
            return f"{resource.id} is unmanaged: Pacemaker does not look after it"
        if resource.active and not resource.pending:
            homes.update(f"{node}={resource.role}" for node in resource.nodes)
    wanted = _wanted(lab, cluster)
    if strangers := sorted(set(where) - set(wanted)):
        return f"{', '.join(strangers)} in the CIB, but the plan has no such resource there"
    for name, roles in wanted.items():
        seen = where.get(name, set())
        if isinstance(roles, int):
            if len(seen) != roles:
                return f"{name} runs {len(seen)} times, wanted {roles}"
        elif seen != roles:
            return f"{name} is {', '.join(sorted(seen)) or 'nowhere'}, wanted {', '.join(sorted(roles))}"
    # A clone that is banned somewhere is missed there; an address runs elsewhere, and has one place less to go.
    for one in status.fail_counts:
        if one.bans and one.resource.startswith("vip-"):
            return f"{one.node} may not take {one.resource} after {one.count} failures, until they are forgotten"
    return ""


def _wanted(lab: Lab, cluster: Cluster) -> dict[str, set[str] | int]:
    """By resource: the exact places and roles, or how many instances wherever they are."""
    wanted: dict[str, set[str] | int] = {f"fence-{node}": 1 for node in cluster.nodes}
    for vip in lab.plan.vips:
        if vip.cluster == cluster.name:
            wanted[f"vip-{vip.name}"] = 1
    for service in cluster.services:
        if lab.plan.in_pacemaker(service):
            role = "Promoted" if service == "galera" else "Started"
            wanted[service] = {f"{node}={role}" for node in cluster.nodes}
    return wanted


GATE = Resources()
