"""vip.move: an operator moves the virtual IP away from the node."""

from __future__ import annotations

from chaos.faults.pcmk_ban import PcmkBan


class VipMove(PcmkBan):
    """A planned move costs the stop, the start and one retry of each client: the yardstick for all others.

    It is what ``crm resource move`` does: a ban from where it is, until the constraint is cleared.
    """

    name = "vip.move"
    summary = "move the virtual IP to another node, in good order"
    parameters = frozenset()


FAULT = VipMove()
