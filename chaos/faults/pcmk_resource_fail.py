"""pcmk.resource_fail: Pacemaker is told that a resource failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos.evidence import judged
from chaos.faults.guestbase import GuestFault, resource_of
from chaos.model import Target

if TYPE_CHECKING:
    from lab.lab import Lab


class PcmkResourceFail(GuestFault):
    """Recovery on the same node without anything being wrong: the cost of the recovery alone."""

    name = "pcmk.resource_fail"
    summary = "have Pacemaker believe that a resource failed"
    bounds = "vip_process"
    parameters = frozenset({"resource"})

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        resource_of(self.name, params)

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return f"crm_resource --fail --resource={resource_of(self.name, target.params)} --node={node}"

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return f"crm_resource --cleanup --resource={resource_of(self.name, target.params)} >/dev/null 2>&1; true"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        return judged("crm_mon --one-shot --failcounts", f"grep -F '{resource_of(self.name, target.params)}:'")


FAULT = PcmkResourceFail()
