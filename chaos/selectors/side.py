"""side(k): k nodes of the cluster that holds the VIPs, the VIP's holder among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.selectors.base import BaseSelector, vip_cluster, whole_number
from chaos.selectors.vip_holder import VipHolder
from lab.errors import RefusedError

if TYPE_CHECKING:
    from lab.lab import Lab


class Side(BaseSelector):
    """Unlike ``minority(k)`` it may be half of the nodes, or more: ``side(2)`` of four is a split in halves."""

    name = "side"
    argument = "k"

    def validate(self, argument: str) -> None:
        if whole_number(self.name, argument) < 1:
            raise RefusedError("a side has at least one node", where=f"side({argument})", remedy="side(2)")

    def resolve(self, lab: Lab, argument: str = "") -> tuple[str, ...]:
        wanted = whole_number(self.name, argument)
        members = [node.name for node in lab.plan.members(vip_cluster(lab))]
        if wanted >= len(members):
            raise RefusedError(f"{wanted} of {len(members)} nodes leave nobody on the other side",
                               where=f"side({argument})", remedy=f"at most side({len(members) - 1}) in this lab")
        (holder,) = VipHolder().resolve(lab)
        others = [name for name in members if name != holder]
        return (holder, *others[: wanted - 1])


SELECTOR = Side()
