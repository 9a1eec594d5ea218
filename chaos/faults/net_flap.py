"""net.flap: a cable with a loose contact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos import deadman
from chaos.faults.guestbase import GuestFault, identity
from chaos.faults.netbase import one_network
from chaos.model import HealRank, Target
from lab.errors import RefusedError
from lab.net.network import GUEST_NICS

if TYPE_CHECKING:
    from lab.lab import Lab


class NetFlap(GuestFault):
    """The node's own end goes down and up again, ``period`` seconds each (default 2), until healed.

    Long enough to lose a token, short enough to be back before the fence: the case that makes
    clusters fence each other in turn.
    """

    name = "net.flap"
    summary = "take one interface of the node down and up, again and again"
    rank = HealRank.NETWORK
    wants_fencing = False
    bounds = "undecided"
    parameters = frozenset({"network", "period"})

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        one_network(params.get("network"))
        period = params.get("period", 2)
        if not isinstance(period, int | float) or isinstance(period, bool) or not 0.1 <= period <= 60:
            raise RefusedError("'period' must be a number of seconds from 0.1 to 60", where="params.period")

    def inject(self, lab: Lab, target: Target) -> None:
        nic, period = _nic(target), float(target.params.get("period", 2))
        for node in target.nodes:
            deadman.arm(lab, node, identity(target), self.undo(lab, node, target))
            deadman.run_beside(lab, node, identity(target),
                               f"while :; do {_mute(nic)}; sleep {period:g}; {_unmute(nic)}; sleep {period:g}; done")

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return f"{deadman.stop_beside(identity(target))}; {_unmute(_nic(target))} 2>/dev/null; true"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        return deadman.runs_beside(identity(target))


def _nic(target: Target) -> str:
    return GUEST_NICS[one_network(target.params.get("network"))]


def _mute(nic: str) -> str:
    """Not ``ip link set down``: that would take the interface's addresses, a VIP among them, away for good."""
    return (f"nft 'add table netdev halab_flap; add chain netdev halab_flap in "
            f"{{ type filter hook ingress device {nic} priority 0; policy drop; }}; add chain netdev halab_flap out "
            f"{{ type filter hook egress device {nic} priority 0; policy drop; }}'")


def _unmute(nic: str) -> str:
    return "nft delete table netdev halab_flap"

FAULT = NetFlap()
