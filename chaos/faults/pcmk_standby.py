"""pcmk.standby: an operator takes a node out of service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.evidence import judged
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
        return f"{_attribute(node)} --update=on"

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return f"{_attribute(node)} --delete"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        return judged(f"{_attribute(node)} --query --quiet --default=off", "grep -x on")


def _attribute(node: str) -> str:
    """Not crm_standby: it ends with 0 also when no cluster took its deletion."""
    return f"crm_attribute --node={node} --name=standby --lifetime=forever"


FAULT = PcmkStandby()
