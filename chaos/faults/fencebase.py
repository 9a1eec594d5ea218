"""What the faults on fencing share: a BMC that behaves differently, set through its mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from chaos.faults.base import BaseFault, all_hold
from chaos.model import HealRank, Proof, Target
from lab import bmc

if TYPE_CHECKING:
    from lab.lab import Lab


class FenceFault(BaseFault):
    """``mode`` is one of ``lab.bmc.MODES``.  The target is the node whose BMC it is.

    Proven by the BMC's own answer, which names the mode that it acts by: the order that lies in its folder is ours,
    and one that has died is none that lies.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"poweroff"})
    rank: ClassVar[HealRank] = HealRank.NETWORK  # before power: nothing else can heal without fencing
    wants_fencing: ClassVar[bool] = False
    bounds: ClassVar[str] = "unfelt"
    endures: ClassVar[bool] = True
    mode: ClassVar[str]

    def inject(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            bmc.set_mode(lab.paths, node, self.mode)

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        return all_hold([self._look(lab, node, self.mode) for node in target.nodes])

    def heal(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            bmc.set_mode(lab.paths, node, "normal")

    def healed(self, lab: Lab, target: Target) -> Proof:
        return all_hold([self._look(lab, node, "normal") for node in target.nodes])

    @staticmethod
    def _look(lab: Lab, node: str, wanted: str) -> Proof:
        ordered, acts = bmc.mode(lab.paths, node), bmc.acts_by(lab, node)
        if acts is None:
            return Proof(ordered == wanted == "dead", f"the BMC of {node} is silent, and was told to be {ordered}")
        return Proof(acts == wanted, f"the BMC of {node} answers that it is {acts}")
