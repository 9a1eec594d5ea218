"""pcmk.standby: an operator takes a node out of service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.faults.guestbase import GuestFault
from chaos.model import Target

if TYPE_CHECKING:
    from lab.lab import Lab


class PcmkStandby(GuestFault):
    """Every resource leaves the node in good order; its cluster membership stays."""

    name = "pcmk.standby"
    summary = "put the node in standby"
    bounds = "graceful"

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return f"crm_standby --node={node} --update=on"

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return f"crm_standby --node={node} --delete"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        return f"crm_standby --node={node} --query --quiet | grep -x on"


FAULT = PcmkStandby()
