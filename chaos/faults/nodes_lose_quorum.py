"""nodes.lose_quorum: so many nodes lose their power that those left are no majority."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos.faults.node_poweroff import NodePoweroff
from chaos.faults.nodebase import cut
from chaos.model import Target
from lab.errors import RefusedError

if TYPE_CHECKING:
    from lab.lab import Lab

MOST = 1.0  # s


class NodesLoseQuorum(NodePoweroff):
    """Nobody may fence and nobody may host: what is left has to stop and wait (S6).

    Aim it at ``not(vip_holder)``, so that the holder is among those who have to give up.  ``stagger`` seconds lie
    between them (default 0, at most 1): who is lost much earlier is fenced by the others, and back in time.
    """

    name = "nodes.lose_quorum"
    summary = "cut the power of at least half of the nodes"
    wants_fencing = False
    bounds = "undecided"
    parameters = frozenset({"stagger"})

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        stagger = params.get("stagger", 0)
        if not isinstance(stagger, int | float) or isinstance(stagger, bool) or not 0 <= stagger <= MOST:
            raise RefusedError(f"'stagger' must be a number from 0 to {MOST:g}", where="params.stagger",
                               remedy="stagger: 0.5; several node.poweroff steps lie further apart")

    def prepare(self, lab: Lab, target: Target) -> Target:
        members = lab.plan.members(lab.plan.node(target.nodes[0]).cluster)
        if 2 * len(target.nodes) < len(members) or len(target.nodes) == len(members):
            raise RefusedError(f"{len(target.nodes)} of {len(members)} nodes without power leave "
                               + ("nobody" if len(target.nodes) == len(members) else "a quorum"),
                               where=target.selector, remedy="not(vip_holder); cluster.blackout takes all")
        return target

    def inject(self, lab: Lab, target: Target) -> None:
        cut(lab, target.nodes, float(target.params.get("stagger", 0)))

    def may_be_fenced(self, target: Target, members: tuple[str, ...]) -> tuple[str, ...]:
        """Those that were cut, once enough of them are back; whoever stayed is alive and well."""
        return target.nodes

    def starves(self, target: Target) -> bool:
        return True


FAULT = NodesLoseQuorum()
