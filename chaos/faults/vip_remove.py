"""vip.remove: the virtual IP vanishes from its holder behind Pacemaker's back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.evidence import UNASKED, judged
from chaos.faults.guestbase import GuestFault
from chaos.model import Proof, Target
from chaos.selectors.vip_holder import has_address
from lab.net.network import GUEST_NICS

if TYPE_CHECKING:
    from lab.lab import Lab
    from lab.plan import Vip


class VipRemove(GuestFault):
    """An ``ip address del`` by hand.  Pacemaker notices at its next monitor and starts it again."""

    name = "vip.remove"
    summary = "delete the virtual IP from the node's interface"
    bounds = "vip_process"

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return f"ip address del {clients_vip(lab).address}/32 dev {GUEST_NICS['control']}"

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return "crm_resource --cleanup >/dev/null 2>&1; true"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        """In effect once Pacemaker has noted the failure, or while the address is away."""
        vip = clients_vip(lab)
        # It prints no value, and ends with 0, when it could not ask.
        noted = judged(f"crm_failcount --query --resource=vip-{vip.name} --node={node}", "grep -E 'value=([1-9]|INF)'")
        return (f"({held(str(vip.address))}); case $? in 0) {noted};; 1) echo {vip.address} is on no interface;; "
                f"*) exit {UNASKED};; esac")

    def healed(self, lab: Lab, target: Target) -> Proof:
        """That very address is on one node.  What Pacemaker noted after the clean-up ends with its timeout."""
        vip = clients_vip(lab)
        seen = {node.name: has_address(lab, node.name, vip) for node in lab.plan.members(vip.cluster)}
        holders, silent = ([node for node, has in seen.items() if has is wanted] for wanted in (True, None))
        return Proof(len(holders) == 1 and not silent, f"{vip.address} is on {', '.join(holders) or 'no node'}"
                     + (f"; {', '.join(silent)} may have it too and cannot be asked" if silent else ""))


def held(address: str) -> str:
    """A command that succeeds while the node has that address on an interface (chaos.evidence)."""
    return judged("ip -4 -oneline address show", f"grep -F ' {address}/'")


def clients_vip(lab: Lab) -> Vip:
    """The address that the probes use: of several, the one whose loss a run can measure."""
    return lab.plan.internal_vip or lab.plan.vips[0]


FAULT = VipRemove()
