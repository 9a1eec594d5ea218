"""dc: the Designated Controller, whose scheduler decides for the cluster that holds the VIPs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos import pacemaker
from chaos.selectors.base import BaseSelector, nobody, vip_cluster

if TYPE_CHECKING:
    from lab.lab import Lab


class Dc(BaseSelector):
    """As the first member that answers sees it."""

    name = "dc"

    def resolve(self, lab: Lab, argument: str = "") -> tuple[str, ...]:
        members = [node.name for node in lab.plan.members(vip_cluster(lab))]
        dc = pacemaker.ask(lab, members).dc
        if not dc:
            raise nobody(lab, "the cluster has no DC now", ", ".join(members))
        return (dc,)


SELECTOR = Dc()
