"""pcmk.standby: an operator takes a node out of service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos import pacemaker
from chaos.evidence import judged
from chaos.faults.base import all_hold
from chaos.faults.guestbase import GuestFault
from chaos.model import Proof, Target
from lab.errors import NothingThereError

if TYPE_CHECKING:
    from lab.lab import Lab


class PcmkStandby(GuestFault):
    """Every resource leaves the node in good order; its cluster membership stays."""

    name = "pcmk.standby"
    summary = "put the node in standby"
    bounds = "graceful"
    shows_within = 60.0  # s for every resource's stop; a database alone takes four (measured)

    def prepare(self, lab: Lab, target: Target) -> Target:
        """Refuse a node that has nothing to give away."""
        for node in target.nodes:
            if not pacemaker.hosted(lab, node):
                raise NothingThereError(f"no resource runs on {node}: nothing could leave it", where=node,
                                        remedy=f"./inv lab.status --name={lab.name}")
        return target

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return f"{_attribute(node)} --update=on"

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        """The attribute is set, and nothing runs on the node any more: the attribute alone moves nothing."""
        return all_hold([super().took_effect(lab, target), *(pacemaker.left(lab, node) for node in target.nodes)])

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return f"{_attribute(node)} --delete"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        return judged(f"{_attribute(node)} --query --quiet --default=off", "grep -x on")


def _attribute(node: str) -> str:
    """Not crm_standby: it ends with 0 also when no cluster took its deletion."""
    return f"crm_attribute --node={node} --name=standby --lifetime=forever"


FAULT = PcmkStandby()
