"""vip.move: an operator moves the virtual IP away from the node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.evidence import judged
from chaos.faults.guestbase import DEFAULT_RESOURCE
from chaos.faults.pcmk_ban import PcmkBan
from chaos.model import Target

if TYPE_CHECKING:
    from lab.lab import Lab


class VipMove(PcmkBan):
    """A planned move costs the stop, the start and one retry of each client: the yardstick for all others.

    It is what ``crm resource move`` does: a ban from where it is, until the constraint is cleared.
    """

    name = "vip.move"
    summary = "move the virtual IP to another node, in good order"
    parameters = frozenset()

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        """In effect when the address has left the node: the constraint alone moves nothing."""
        left = judged("ip -4 -oneline address show", f"{{ ! grep -F ' {_address(lab)}/'; }}")
        return f"{super().shows(lab, node, target)} && {{ {left}; }}"

    def remains(self, lab: Lab, node: str, target: Target) -> str:
        return super().shows(lab, node, target)


def _address(lab: Lab) -> str:
    return next(str(vip.address) for vip in lab.plan.vips if f"vip-{vip.name}" == DEFAULT_RESOURCE)


FAULT = VipMove()
