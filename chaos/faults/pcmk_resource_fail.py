"""pcmk.resource_fail: Pacemaker is told that a resource failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos.evidence import judged
from chaos.faults.base import with_params
from chaos.faults.guestbase import GuestFault, resource_of
from chaos.faults.vip_remove import clients_vip
from chaos.model import Target

if TYPE_CHECKING:
    from lab.lab import Lab


class PcmkResourceFail(GuestFault):
    """Recovery on the same node without anything being wrong: the cost of the recovery alone.

    ``resource`` defaults to the address that the clients use, or nobody would feel it.
    """

    name = "pcmk.resource_fail"
    summary = "have Pacemaker believe that a resource failed"
    bounds = "vip_recovery"
    parameters = frozenset({"resource"})

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        resource_of(self.name, params)

    def prepare(self, lab: Lab, target: Target) -> Target:
        return with_params(target, resource=target.params.get("resource", f"vip-{clients_vip(lab).name}"))

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return f"crm_resource --fail --resource={resource_of(self.name, target.params)} --node={node}"

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return f"crm_resource --cleanup --resource={resource_of(self.name, target.params)} >/dev/null 2>&1; true"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        return judged("crm_mon --one-shot --failcounts", f"grep -F '{resource_of(self.name, target.params)}:'")


FAULT = PcmkResourceFail()
