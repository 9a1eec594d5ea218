"""not(selector): the other nodes of the same cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos import selectors
from chaos.selectors.base import BaseSelector, nobody

if TYPE_CHECKING:
    from lab.lab import Lab


class Others(BaseSelector):
    """Of the cluster that the first of the excluded nodes belongs to."""

    name = "not"
    argument = "vip_holder"

    def validate(self, argument: str) -> None:
        selectors.plausible(argument)

    def resolve(self, lab: Lab, argument: str = "") -> tuple[str, ...]:
        excluded = selectors.resolve(lab, argument)
        members = lab.plan.members(lab.plan.node(excluded[0]).cluster)
        left = tuple(node.name for node in members if node.name not in excluded)
        if not left:
            raise nobody(lab, f"'{argument}' means every node, so nobody is left", f"not({argument})")
        return left


SELECTOR = Others()
