"""all: every node of the cluster that holds the VIPs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.selectors.base import BaseSelector, vip_cluster

if TYPE_CHECKING:
    from lab.lab import Lab


class AllNodes(BaseSelector):
    """In a collapsed lab that is every node."""

    name = "all"

    def resolve(self, lab: Lab, argument: str = "") -> tuple[str, ...]:
        return tuple(node.name for node in lab.plan.members(vip_cluster(lab)))


SELECTOR = AllNodes()
