"""minority(k): k nodes that are fewer than half of their cluster, the VIP's holder among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.selectors.base import BaseSelector, vip_cluster, whole_number
from chaos.selectors.vip_holder import VipHolder
from lab.errors import RefusedError

if TYPE_CHECKING:
    from lab.lab import Lab


class Minority(BaseSelector):
    """Losing the VIP with the minority is the case that clients notice; the others follow by index."""

    name = "minority"
    argument = "k"

    def validate(self, argument: str) -> None:
        if whole_number(self.name, argument) < 1:
            raise RefusedError("a minority has at least one node", where=f"minority({argument})",
                               remedy="minority(1)")

    def resolve(self, lab: Lab, argument: str = "") -> tuple[str, ...]:
        wanted = whole_number(self.name, argument)
        members = [node.name for node in lab.plan.members(vip_cluster(lab))]
        if 2 * wanted >= len(members):
            raise RefusedError(f"{wanted} of {len(members)} nodes are no minority", where=f"minority({argument})",
                               remedy=f"at most minority({(len(members) - 1) // 2}) in this lab")
        (holder,) = VipHolder().resolve(lab)
        others = [name for name in members if name != holder]
        return (holder, *others[: wanted - 1])


SELECTOR = Minority()
