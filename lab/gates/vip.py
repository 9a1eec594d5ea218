"""Each virtual IP is on exactly one node and answers from outside."""

from __future__ import annotations

from daemons.services import HEALTH_PORT
from lab.gates import Look, on_node
from lab.lab import Lab
from lab.net.network import GUEST_NICS
from lab.node.asking import answers
from lab.plan import Plan

ADDRESSES = f"ip -4 -oneline address show dev {GUEST_NICS['control']}"  # where the virtual IPs are


class Vip:
    name = "vip"
    after: tuple[str, ...] = ("membership",)

    def applies(self, plan: Plan) -> bool:
        return bool(plan.vips)

    def look(self, lab: Lab) -> Look:
        held = holders(lab)
        for vip in lab.plan.vips:
            if len(held[vip.name]) != 1:
                return Look(False, f"VIP {vip.name} {vip.address} is on {', '.join(held[vip.name]) or 'no node'}")
            if lab.namespace.http_status(str(vip.address), HEALTH_PORT, "/healthz", timeout=2) != 200:
                return Look(False, f"VIP {vip.name} does not answer 200 on port {HEALTH_PORT}")
        return Look(True, ", ".join(f"{name} on {nodes[0]}" for name, nodes in held.items()))

    def show(self, lab: Lab) -> str:
        return on_node(lab, lab.plan.running("haproxy")[0].name, ADDRESSES)


def holders(lab: Lab, *, reachable_only: bool = False) -> dict[str, list[str]]:
    """Which nodes carry each VIP's address, asked on every node of its cluster.

    NodeError for a node that cannot be asked, unless ``reachable_only``.
    """
    clusters = {vip.cluster for vip in lab.plan.vips}
    nodes = [node.name for node in lab.plan.nodes if node.cluster in clusters]
    if reachable_only:
        said = answers(lab, nodes, ADDRESSES, timeout=5)
    else:
        said = {node: done.stdout for node, done in lab.shell.on_all(nodes, ADDRESSES, timeout=5).items()}
    return {vip.name: [node for node, shown in said.items() if f" {vip.address}/" in shown] for vip in lab.plan.vips}


GATE = Vip()
