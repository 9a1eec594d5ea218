"""pcmk.ban: a resource may not run on the node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos import pacemaker
from chaos.evidence import judged
from chaos.faults.base import all_hold
from chaos.faults.guestbase import GuestFault, resource_of
from chaos.model import Proof, Target

if TYPE_CHECKING:
    from lab.lab import Lab


class PcmkBan(GuestFault):
    """The constraint that a forgotten ``crm resource move`` leaves behind.  ``resource`` defaults to the first VIP."""

    name = "pcmk.ban"
    summary = "ban a resource from the node"
    bounds = "graceful"
    parameters = frozenset({"resource"})
    shows_within = 60.0  # s for the resource's stop

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        resource_of(self.name, params)

    def prepare(self, lab: Lab, target: Target) -> Target:
        """Refuse a resource that is not there to leave."""
        pacemaker.must_host(lab, target.nodes, resource_of(self.name, target.params))
        return target

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return f"crm_resource --ban --resource={resource_of(self.name, target.params)} --node={node}"

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        """The constraint is there, and the resource has left: in maintenance mode a constraint moves nothing."""
        resource = resource_of(self.name, target.params)
        return all_hold([super().took_effect(lab, target),
                         *(pacemaker.left(lab, node, resource) for node in target.nodes)])

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return f"crm_resource --clear --resource={resource_of(self.name, target.params)} --node={node}"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        constraint = f"cli-ban-{resource_of(self.name, target.params)}-on-{node}"
        return judged("cibadmin --query --scope=constraints", f"grep -F {constraint}")


FAULT = PcmkBan()
