"""nodes.lose_quorum: so many nodes lose their power that those left are no majority."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.faults.node_poweroff import NodePoweroff
from chaos.model import Target
from lab.errors import RefusedError

if TYPE_CHECKING:
    from lab.lab import Lab


class NodesLoseQuorum(NodePoweroff):
    """Nobody may fence and nobody may host: what is left has to stop and wait (S6).

    Aim it at ``not(vip_holder)``, so that the holder is among those who have to give up.
    """

    name = "nodes.lose_quorum"
    summary = "cut the power of at least half of the nodes"
    wants_fencing = False
    bounds = "undecided"

    def prepare(self, lab: Lab, target: Target) -> Target:
        members = lab.plan.members(lab.plan.node(target.nodes[0]).cluster)
        if 2 * len(target.nodes) < len(members) or len(target.nodes) == len(members):
            raise RefusedError(f"{len(target.nodes)} of {len(members)} nodes without power leave "
                               + ("nobody" if len(target.nodes) == len(members) else "a quorum"),
                               where=target.selector, remedy="not(vip_holder); cluster.blackout takes all")
        return target

    def may_be_fenced(self, target: Target, members: tuple[str, ...]) -> tuple[str, ...]:
        """Those that were cut, once enough of them are back; whoever stayed is alive and well."""
        return target.nodes

    def starves(self, target: Target) -> bool:
        return True


FAULT = NodesLoseQuorum()
