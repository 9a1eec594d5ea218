"""pcmk.resource_fail: Pacemaker is told that a resource failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos.evidence import judged
from chaos.faults.base import all_hold, with_params
from chaos.faults.guestbase import GuestFault, resource_of
from chaos.faults.vip_remove import clients_vip
from chaos.model import Proof, Target
from lab.errors import HalabError
from lab.node import crm

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
        """Note what Pacemaker remembers already: of the last minute's failures it does."""
        resource = str(target.params.get("resource", f"vip-{clients_vip(lab).name}"))
        return with_params(target, resource=resource,
                           before={node: _remembered(lab, node, resource) for node in target.nodes})

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return f"crm_resource --fail --resource={resource_of(self.name, target.params)} --node={node}"

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        """Pacemaker counts a failure on that very node that it did not count before."""
        return all_hold([self._counted(lab, node, target) for node in target.nodes])

    def _counted(self, lab: Lab, node: str, target: Target) -> Proof:
        resource, before = resource_of(self.name, target.params), target.params["before"][node]
        try:
            now = _remembered(lab, node, resource)
        except HalabError as error:
            return Proof(False, f"{node}: cannot look: {error.what}")
        words = f"counts {now[0]}, the last at {now[1]}" if now else "counts no failure"
        return Proof(bool(now) and now != before, f"{node}: of {resource} Pacemaker {words}")

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return f"crm_resource --cleanup --resource={resource_of(self.name, target.params)} >/dev/null 2>&1; true"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        return judged("crm_mon --one-shot --failcounts", f"grep -F '{resource_of(self.name, target.params)}:'")


def _remembered(lab: Lab, node: str, resource: str) -> list[str]:
    """How often the resource failed on the node and when it last did, as Pacemaker says it; empty for never."""
    return next(([one.count, one.last] for one in crm.status(lab, node).fail_counts
                 if (one.resource, one.node) == (resource, node)), [])


FAULT = PcmkResourceFail()
