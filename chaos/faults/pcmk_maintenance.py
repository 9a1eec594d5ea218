"""pcmk.maintenance: Pacemaker looks away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos import pacemaker
from chaos.evidence import judged
from chaos.faults.base import all_hold
from chaos.faults.guestbase import GuestFault
from chaos.model import Proof, Target

if TYPE_CHECKING:
    from lab.lab import Lab


class PcmkMaintenance(GuestFault):
    """Nothing is started, stopped or monitored any more.  Alone it costs nothing; with a second fault
    it shows what a cluster forgotten in maintenance mode is worth."""

    name = "pcmk.maintenance"
    summary = "put the cluster in maintenance mode"
    bounds = "unfelt"

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return "crm_attribute --type=crm_config --name=maintenance-mode --update=true"

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        """The attribute is set, and no resource is managed any more: that is what a forgotten cluster lacks."""
        return all_hold([super().took_effect(lab, target), *(pacemaker.unmanaged(lab, node) for node in target.nodes)])

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return "crm_attribute --type=crm_config --name=maintenance-mode --delete"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        return judged("crm_attribute --type=crm_config --name=maintenance-mode --query --quiet --default=false",
                      "grep -x true")


FAULT = PcmkMaintenance()
