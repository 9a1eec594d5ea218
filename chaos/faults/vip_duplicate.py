"""vip.duplicate: a second node answers for the virtual IP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.faults.guestbase import GuestFault
from chaos.faults.vip_remove import clients_vip, held
from chaos.model import Target
from lab.net.network import GUEST_NICS

if TYPE_CHECKING:
    from lab.lab import Lab


class VipDuplicate(GuestFault):
    """What a node does that was given up and not fenced.  S1 must see it: this is its self-test."""

    name = "vip.duplicate"
    summary = "put the virtual IP on a second node"
    bounds = "undecided"

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return f"ip address add {clients_vip(lab).address}/32 dev {GUEST_NICS['control']}"

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return f"ip address del {clients_vip(lab).address}/32 dev {GUEST_NICS['control']} 2>/dev/null; true"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        return held(str(clients_vip(lab).address))


FAULT = VipDuplicate()
