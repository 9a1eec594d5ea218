"""Each virtual IP is on exactly one node and answers from outside."""

from __future__ import annotations

from lab.gates import Look
from lab.lab import Lab
from lab.plan import Plan

_COMMAND = "ip -4 -oneline address show dev eth1"


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
            if lab.namespace.http_status(str(vip.address), 8404, "/healthz", timeout=2) != 200:
                return Look(False, f"VIP {vip.name} does not answer 200 on port 8404")
        return Look(True, ", ".join(f"{name} on {nodes[0]}" for name, nodes in held.items()))

    def show(self, lab: Lab) -> str:
        return f"./inv lab.exec --name={lab.name} --command='{_COMMAND}'"


def holders(lab: Lab) -> dict[str, list[str]]:
    """Which nodes carry each VIP's address, asked on every node of its cluster."""
    found: dict[str, list[str]] = {}
    for vip in lab.plan.vips:
        said = lab.shell.on_all(lab.plan.cluster(vip.cluster).nodes, _COMMAND, timeout=5)
        found[vip.name] = [node for node, answer in said.items() if f" {vip.address}/" in answer.stdout]
    return found


GATE = Vip()
