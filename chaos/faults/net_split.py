"""net.split: two sides that do not hear each other, while clients still reach both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos import nft
from chaos.faults.base import with_params
from chaos.faults.netbase import PEERS, NetFault, others, outvoted, wires
from chaos.model import Target

if TYPE_CHECKING:
    from lab.lab import Lab

QDEVICE = "qdevice"  # in ``Target.params``: whether the target's cluster has one


class NetSplit(NetFault):
    """The target's nodes are one side, all other nodes of the lab the other.

    Clients may talk to either side: that is what shows two holders of one address, which a cut
    of the clients as well would hide.
    """

    name = "net.split"
    summary = "partition the nodes: the target on one side, the rest on the other"
    wants_fencing = True
    bounds = "split"

    def fencing_follows(self, target: Target) -> bool:
        return outvoted(target)

    def may_be_fenced(self, target: Target, members: tuple[str, ...]) -> tuple[str, ...]:
        """The losing side; of two equal ones each node, for a quorum device or the heal decides between them."""
        if 2 * len(target.nodes) == len(members):
            return members
        return target.nodes if outvoted(target) else tuple(name for name in members if name not in target.nodes)

    def starves(self, target: Target) -> bool:
        """Two equal halves; a quorum device's vote makes one of them the majority."""
        return 2 * len(target.nodes) == int(target.params.get(PEERS, 0)) and not target.params.get(QDEVICE)

    def prepare(self, lab: Lab, target: Target) -> Target:
        home = lab.plan.node(target.nodes[0]).cluster
        arbiter = any(one.qdevice for one in lab.plan.clusters if one.name == home)
        return with_params(super().prepare(lab, target), **{QDEVICE: arbiter})

    def rules(self, lab: Lab, target: Target) -> list[nft.Rule]:
        here, there = wires(lab, target.nodes), wires(lab, others(lab, target.nodes))
        return nft.between(here, there) + nft.between(there, here)


FAULT = NetSplit()
