"""node.poweroff: the machine loses power, with no goodbye to anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.faults.base import all_hold
from chaos.faults.nodebase import NodeFault, dead
from chaos.model import Proof, Target
from lab.parallel import for_each

if TYPE_CHECKING:
    from lab.lab import Lab


class NodePoweroff(NodeFault):
    """Hard power off through the driver.

    The cluster may well power the node on again by itself, because fencing means reboot: the
    proof of effect must be read in the first seconds, and healing is then a no-op.
    """

    name = "node.poweroff"
    summary = "cut the node's power"

    def inject(self, lab: Lab, target: Target) -> None:
        for_each(target.nodes, lab.driver.power.off)

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        return all_hold([dead(lab, node) for node in target.nodes])


FAULT = NodePoweroff()
