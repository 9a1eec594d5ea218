"""node.reset: the reset button. Power goes and comes back at once, and the node boots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.faults.base import all_hold, with_params
from chaos.faults.nodebase import NodeFault
from chaos.model import Proof, Target
from lab.errors import HalabError
from lab.parallel import for_each

if TYPE_CHECKING:
    from lab.lab import Lab

# Containers share the host's boot_id; the start time of the node's first process is its own.
BOOT = "stat --format=%Y /proc/1"


class NodeReset(NodeFault):
    """The node may be back before the others have given it up: they must not take it for the old one."""

    name = "node.reset"
    summary = "power-cycle the node"

    def prepare(self, lab: Lab, target: Target) -> Target:
        return with_params(target, boot={node: lab.shell.run(node, BOOT).stdout.strip() for node in target.nodes})

    def inject(self, lab: Lab, target: Target) -> None:
        for_each(target.nodes, lab.driver.power.off)
        for_each(target.nodes, lab.driver.power.on)

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        return all_hold([self._another_life(lab, node, target) for node in target.nodes])

    @staticmethod
    def _another_life(lab: Lab, node: str, target: Target) -> Proof:
        before = target.params["boot"][node]
        try:
            now = lab.shell.run(node, BOOT, timeout=5).stdout.strip()
        except HalabError:
            return Proof(True, f"{node}: does not answer, it boots")
        return Proof(now != before, f"{node}: {'booted anew' if now != before else 'is still in its old life'}")


FAULT = NodeReset()
