"""net.majorities_ring: every node sees a majority, and no two see the same one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos import nft
from chaos.faults.netbase import NetFault, wires
from chaos.model import Target

if TYPE_CHECKING:
    from lab.lab import Lab


class NetMajoritiesRing(NetFault):
    """The cluster's nodes stand in a ring; each hears itself and the next ones up to a majority.

    What it drops is the incoming side, so that with three nodes a hears b, b hears c and c hears a.
    Known from Jepsen's nemesis of that name.  The target only says which cluster is meant.
    """

    name = "net.majorities_ring"
    summary = "let each node hear another majority of its cluster"
    bounds = "undecided"

    def may_be_fenced(self, target: Target, members: tuple[str, ...]) -> tuple[str, ...]:
        """Which of the majorities wins is not said, and it may change its mind."""
        return members

    def relapses(self, target: Target) -> bool:
        return True

    def rules(self, lab: Lab, target: Target) -> list[nft.Rule]:
        members = [node.name for node in lab.plan.members(lab.plan.node(target.nodes[0]).cluster)]
        count, found = len(members), []
        for at, node in enumerate(members):
            heard = {members[(at + step) % count] for step in range(count // 2 + 1)}
            deaf = [name for name in members if name not in heard]
            found += nft.between(wires(lab, deaf), wires(lab, [node]))
        return found


FAULT = NetMajoritiesRing()
