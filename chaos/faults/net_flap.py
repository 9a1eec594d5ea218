"""net.flap: a cable with a loose contact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos import deadman
from chaos.evidence import judged
from chaos.faults.guestbase import GuestFault, identity
from chaos.faults.netbase import one_network
from chaos.model import HealRank, Target
from lab.errors import RefusedError
from lab.net.network import GUEST_NICS

if TYPE_CHECKING:
    from lab.lab import Lab

_NOBODY = "02:00:00:00:00:00"  # a local address that no machine of a lab has (lab.net.network)
_TABLES = "nft list tables netdev"


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
            raise RefusedError("'period' must be a number of seconds from 0.1 to 60", where="params.period",
                               remedy="period: 2")

    def may_be_fenced(self, target: Target, members: tuple[str, ...]) -> tuple[str, ...]:
        """Nobody for its ring, which corosync has a second link for; without control its database may fail to stop."""
        return () if one_network(target.params.get("network")) == "ring" else target.nodes

    def relapses(self, target: Target) -> bool:
        return True

    def prepare(self, lab: Lab, target: Target) -> Target:
        """Refuse an interface that flaps already: one loop would end what the other has begun."""
        table = _table(_nic(target))
        for node in target.nodes:
            if table in lab.shell.run(node, _TABLES, timeout=20).stdout.split():
                raise RefusedError(f"{_nic(target)} of {node} flaps already", where=node,
                                   remedy="one net.flap on an interface at a time")
        return target

    def inject(self, lab: Lab, target: Target) -> None:
        nic, period = _nic(target), float(target.params.get("period", 2))
        for node in target.nodes:
            deadman.arm(lab, node, identity(target), self.undo(lab, node, target))
            deadman.run_beside(lab, node, identity(target),
                               f"set -e; while :; do {_mute(nic)}; sleep {period:g}; "
                               f"{_unmute(nic)}; sleep {period:g}; done")

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return f"{deadman.stop_beside(identity(target))}; {_unmute(_nic(target))} 2>/dev/null; true"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        """In effect while the loop, which ends when nft refuses, runs and the interface is seen mute.

        Its first half period is; the proof looks often enough to meet one.
        """
        return f"({deadman.runs_beside(identity(target))}) && ({judged(_TABLES, f'grep -w {_table(_nic(target))}')})"

    def remains(self, lab: Lab, node: str, target: Target) -> str:
        return judged(f"{deadman.beside_state(identity(target))} && {_TABLES}",
                      f"grep -wE '{deadman.RUNS}|{_table(_nic(target))}'")


def _nic(target: Target) -> str:
    return GUEST_NICS[one_network(target.params.get("network"))]


def _table(nic: str) -> str:
    return f"halab_flap_{nic}"


def _mute(nic: str) -> str:
    """Not ``ip link set down``: that would take the interface's addresses, a VIP among them, away for good.

    Nor a drop of what it sends: the kernel tells the sender (ENOBUFS), and corosync's knet sends the same packet
    again and again until it is taken, with everything for the healthy link waiting behind it.  A cable tells nobody.
    """
    return (f"nft 'table netdev {_table(nic)} {{ "
            f"chain in {{ type filter hook ingress device {nic} priority 0; policy drop; }}; "
            f"chain out {{ type filter hook egress device {nic} priority 0; ether daddr set {_NOBODY}; }}; }}'")


def _unmute(nic: str) -> str:
    return f"nft delete table netdev {_table(nic)}"


FAULT = NetFlap()
