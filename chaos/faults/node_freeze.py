"""node.freeze: the machine stops in mid-instruction and, unless it is fenced, comes back as a zombie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.faults.base import BaseFault, all_hold, power_back_on
from chaos.faults.node_poweroff import alive
from chaos.model import HealRank, Proof, Target
from chaos.reach import ssh_banner
from lab.drivers.base import PowerState

if TYPE_CHECKING:
    from lab.lab import Lab


class NodeFreeze(BaseFault):
    """Suspend through the driver.

    Nothing is closed and nothing is lost: when such a node thaws it believes that it still
    holds the VIP.  Fencing must have power-cycled it before anybody else starts the VIP.
    """

    name = "node.freeze"
    summary = "suspend the node, as a hung hypervisor or firmware would"
    needs = frozenset({"suspend"})
    rank = HealRank.RESUME
    wants_fencing = True
    bounds = "silent_loss"

    def inject(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            lab.driver.power.suspend(node)

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        return all_hold([self._frozen(lab, node) for node in target.nodes])

    def heal(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            power_back_on(lab, node)  # resumes, and after a fence only makes sure of the power

    def healed(self, lab: Lab, target: Target) -> Proof:
        return all_hold([alive(lab, node) for node in target.nodes])

    @staticmethod
    def _frozen(lab: Lab, node: str) -> Proof:
        state = lab.driver.power.state(node)
        if state != PowerState.SUSPENDED:
            return Proof(False, f"{node}: the driver says it is {state}")
        if ssh_banner(lab, node):
            return Proof(False, f"{node}: suspended, and yet its SSH daemon speaks")
        return Proof(True, f"{node}: the driver says suspended, and its SSH daemon is mute")


FAULT = NodeFreeze()
