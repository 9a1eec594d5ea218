"""node.freeze: the machine stops in mid-instruction and, unless it is fenced, comes back as a zombie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.faults.base import all_hold
from chaos.faults.nodebase import NodeFault
from chaos.model import HealRank, Proof, Target
from chaos.reach import ssh_banner
from lab.drivers.base import PowerState
from lab.parallel import for_each

if TYPE_CHECKING:
    from lab.lab import Lab


class NodeFreeze(NodeFault):
    """Suspend through the driver.

    Nothing is closed and nothing is lost: when such a node thaws it believes that it still
    holds the VIP.  Fencing must have power-cycled it before anybody else starts the VIP.
    """

    name = "node.freeze"
    summary = "suspend the node, as a hung hypervisor or firmware would"
    needs = frozenset({"suspend"})
    rank = HealRank.RESUME

    def inject(self, lab: Lab, target: Target) -> None:
        for_each(target.nodes, lab.driver.power.suspend)

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        return all_hold([self._frozen(lab, node) for node in target.nodes])

    @staticmethod
    def _frozen(lab: Lab, node: str) -> Proof:
        state = lab.driver.power.state(node)
        if state != PowerState.SUSPENDED:
            return Proof(False, f"{node}: the driver says it is {state}")
        if ssh_banner(lab, node):
            return Proof(False, f"{node}: suspended, and yet its SSH daemon speaks")
        return Proof(True, f"{node}: the driver says suspended, and its SSH daemon is mute")


FAULT = NodeFreeze()
