"""What the faults share that take a node away: power that has to be on again in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from chaos.faults.base import BaseFault, all_hold, power_back_on
from chaos.model import HealRank, Proof, Target
from chaos.reach import ssh_banner
from lab.drivers.base import PowerState
from lab.parallel import for_each

if TYPE_CHECKING:
    from lab.lab import Lab


class NodeFault(BaseFault):
    """Healed when every target has power and its SSH answers."""

    needs: ClassVar[frozenset[str]] = frozenset({"poweroff"})
    rank: ClassVar[HealRank] = HealRank.POWER
    wants_fencing: ClassVar[bool] = True
    bounds: ClassVar[str] = "silent_loss"

    def heal(self, lab: Lab, target: Target) -> None:
        # All at once: nodes of a cluster that was dark as a whole wait for each other.
        for_each(target.nodes, lambda node: power_back_on(lab, node))

    def healed(self, lab: Lab, target: Target) -> Proof:
        return all_hold([alive(lab, node) for node in target.nodes])


def alive(lab: Lab, node: str) -> Proof:
    """Powered on, and a process on it answers."""
    state = lab.driver.power.state(node)
    if state != PowerState.ON:
        return Proof(False, f"{node}: the driver says its power is {state}")
    if not ssh_banner(lab, node):
        return Proof(False, f"{node}: power on, SSH does not answer yet")
    return Proof(True, f"{node}: power on, and SSH answers")


def dead(lab: Lab, node: str) -> Proof:
    """No power, and nobody answers."""
    state = lab.driver.power.state(node)
    if state != PowerState.OFF:
        return Proof(False, f"{node}: the driver says its power is {state}")
    if ssh_banner(lab, node):
        return Proof(False, f"{node}: power off, and yet its SSH answers")
    return Proof(True, f"{node}: the driver says off, and SSH is silent")
