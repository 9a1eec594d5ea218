"""Every resource is where the plan wants it, no node is in a special state, no action failed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

from lab.gates import Look, on_node
from lab.lab import Lab
from lab.node import crm
from lab.plan import Cluster, Plan

_SPECIAL = ("standby", "standby_onfail", "maintenance", "pending", "unclean", "shutdown")


class Resources:
    name = "resources"
    after: tuple[str, ...] = ("membership", "galera")

    def applies(self, plan: Plan) -> bool:
        return bool(plan.clusters)

    def look(self, lab: Lab) -> Look:
        total = 0
        with ThreadPoolExecutor(len(lab.plan.clusters)) as pool:
            seen = list(pool.map(lambda cluster: crm.status(lab, cluster.nodes[0]), lab.plan.clusters))
        for cluster, status in zip(lab.plan.clusters, seen, strict=True):
            if trouble := _node_trouble(status, cluster) or _resource_trouble(status, lab, cluster):
                return Look(False, trouble)
            total += len(list(status.iter("resource")))
        return Look(True, f"{total} resource instances in place, no failed action")

    def show(self, lab: Lab) -> str:
        return on_node(lab, lab.plan.clusters[0].nodes[0], "crm_mon -1rf")


def _node_trouble(status: ElementTree.Element, cluster: Cluster) -> str:
    nodes = {node.attrib["name"]: node.attrib for node in status.iterfind("nodes/node")}
    for name in cluster.nodes:
        seen = nodes.get(name)
        if seen is None or seen.get("online") != "true":
            return f"{name} is not online in Pacemaker"
        for word in _SPECIAL:
            if seen.get(word) == "true":
                return f"{name} is {word}"
    if not any(seen.get("is_dc") == "true" for seen in nodes.values()):
        return f"cluster {cluster.name} has no DC"
    return ""


def _resource_trouble(status: ElementTree.Element, lab: Lab, cluster: Cluster) -> str:
    where: dict[str, set[str]] = {}
    for resource in status.iter("resource"):
        name = resource.attrib["id"].split(":")[0]
        homes = where.setdefault(name, set())
        if resource.get("failed") == "true" or resource.get("blocked") == "true":
            return f"{name} is failed or blocked"
        if resource.get("active") == "true" and not resource.get("pending"):
            homes.update(f"{node.attrib['name']}={resource.attrib['role']}" for node in resource.iterfind("node"))
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
    failures = [failure.get("op_key", "?") + " on " + failure.get("node", "?")
                for failure in status.iterfind("failures/failure")]
    return f"failed actions: {', '.join(failures[:3])}" if failures else ""


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
