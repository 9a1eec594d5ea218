"""Fencing is on, and every node's BMC answers the agent with the parameters of the live CIB (R17)."""

from __future__ import annotations

import shlex

from daemons.cib import FenceDevice
from lab import suppression
from lab.gates import Look, first_red, on_node
from lab.lab import Lab
from lab.node import crm
from lab.parallel import for_each
from lab.plan import Cluster, Plan

# fence_ipmilan's own long options for the device parameters that the CIB may hold.
_OPTIONS = ("ip", "username", "password_script", "method", "power_wait")


class Fencing:
    name = "fencing"
    after: tuple[str, ...] = ("resources",)

    def applies(self, plan: Plan) -> bool:
        return bool(plan.clusters)

    def look(self, lab: Lab) -> Look:
        if holder := suppression.suppressed_by(lab.paths):
            return Look(False, f"fencing is suppressed by {holder}")
        return first_red(lab, lambda cluster: _of_cluster(lab, cluster)) or Look(
            True, f"{len(lab.plan.nodes)} devices answer")

    def show(self, lab: Lab) -> str:
        return on_node(lab, lab.plan.clusters[0].nodes[0], "stonith_admin --list-registered")


def _of_cluster(lab: Lab, cluster: Cluster) -> Look | None:
    """What is wrong with one cluster's fencing; None if nothing is."""
    cib = crm.cib(lab, cluster.nodes[0])
    if not cib.fencing_on:
        return Look(False, f"stonith-enabled is not true in cluster {cluster.name}")
    devices = {node: device for device in cib.fence_devices for node in device.hosts}
    for node in cluster.nodes:
        if node not in devices:
            return Look(False, f"no fencing device for {node}")
    looks = for_each(cluster.nodes, lambda node: _status(lab, cluster, node, devices[node]))
    return next((look for look in looks if not look.ok), None)


def ask_bmc(lab: Lab, neighbour: str, device: FenceDevice) -> str:
    """What a fencing device answers to a status request from ``neighbour``."""
    return _ask(lab, neighbour, device)[1]


def _status(lab: Lab, cluster: Cluster, node: str, device: FenceDevice) -> Look:
    """The agent's status call, from a neighbour: a node is never fenced by itself."""
    neighbour = cluster.nodes[(cluster.nodes.index(node) + 1) % len(cluster.nodes)]
    on, said = _ask(lab, neighbour, device)
    return Look(on, f"BMC of {node} asked by {neighbour}: {said}")


def _ask(lab: Lab, neighbour: str, device: FenceDevice) -> tuple[bool, str]:
    """Whether the agent says ON, and its last words."""
    words = [f"--{name.replace('_', '-')}={device.params[name]}" for name in _OPTIONS
             if name in device.params]
    if device.params.get("lanplus") == "1":
        words.append("--lanplus")
    command = shlex.join([device.agent, *words, "--action=status"])
    said = lab.shell.run(neighbour, command, timeout=20, check=False)
    return said.ok and "ON" in said.stdout, (said.stdout or said.stderr).strip()[-120:]


GATE = Fencing()
