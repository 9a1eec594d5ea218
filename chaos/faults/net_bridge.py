"""net.bridge: two halves that only one node can talk to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos import nft
from chaos.faults.netbase import NetFault, wires
from chaos.model import Target

if TYPE_CHECKING:
    from lab.lab import Lab


class NetBridge(NetFault):
    """The target sees everybody; of the others, each half sees itself and the target.

    Every node can reach a majority, and no two halves agree on one: a membership protocol that
    asks only "whom do I see" ends with two of them.  Known from Jepsen's nemesis of that name.
    """

    name = "net.bridge"
    summary = "cut the other nodes into two halves that only the target still reaches"
    bounds = "undecided"

    def may_be_fenced(self, target: Target, members: tuple[str, ...]) -> tuple[str, ...]:
        """Which of the majorities wins is not said, and it may change its mind."""
        return members

    def relapses(self, target: Target) -> bool:
        return True

    def divides(self, target: Target) -> bool:
        """Each half has a majority together with the bridge, and whose is taken each daemon decides for itself."""
        return True

    def rules(self, lab: Lab, target: Target) -> list[nft.Rule]:
        members = [node.name for node in lab.plan.members(lab.plan.node(target.nodes[0]).cluster)]
        rest = [name for name in members if name not in target.nodes]
        left, right = wires(lab, rest[: len(rest) // 2]), wires(lab, rest[len(rest) // 2:])
        return nft.between(left, right) + nft.between(right, left)


FAULT = NetBridge()
