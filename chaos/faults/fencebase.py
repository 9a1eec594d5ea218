"""What the faults on fencing share: a BMC that behaves differently, set through its mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from chaos.faults.base import BaseFault, all_hold
from chaos.model import HealRank, Proof, Target
from lab import bmc

if TYPE_CHECKING:
    from lab.lab import Lab


class FenceFault(BaseFault):
    """``mode`` is one of ``lab.bmc.MODES``.  The target is the node whose BMC it is."""

    needs: ClassVar[frozenset[str]] = frozenset({"poweroff"})
    rank: ClassVar[HealRank] = HealRank.NETWORK  # before power: nothing else can heal without fencing
    wants_fencing: ClassVar[bool] = False
    bounds: ClassVar[str] = "unfelt"
    mode: ClassVar[str]

    def inject(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            bmc.set_mode(lab.paths, node, self.mode)

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        return all_hold([Proof((mode := bmc.mode(lab.paths, node)) == self.mode, f"the BMC of {node} is {mode}")
                         for node in target.nodes])

    def heal(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            bmc.set_mode(lab.paths, node, "normal")

    def healed(self, lab: Lab, target: Target) -> Proof:
        return all_hold([Proof((mode := bmc.mode(lab.paths, node)) == "normal", f"the BMC of {node} is {mode}")
                         for node in target.nodes])
