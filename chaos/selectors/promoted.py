"""promoted(resource): the nodes on which Pacemaker has a promotable resource promoted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos import pacemaker
from chaos.selectors.base import BaseSelector, nobody
from daemons.pacemaker import PROMOTED

if TYPE_CHECKING:
    from lab.lab import Lab


class Promoted(BaseSelector):
    """Looked for in every cluster; all of Galera's members are promoted in a healthy lab."""

    name = "promoted"
    argument = "resource"

    def resolve(self, lab: Lab, argument: str = "") -> tuple[str, ...]:
        for cluster in lab.plan.clusters:
            view = pacemaker.ask(lab, [node.name for node in lab.plan.members(cluster.name)])
            found = [node for node, role in view.places(argument).items() if role in PROMOTED]
            if found:
                return tuple(found)
        raise nobody(lab, f"no node has a resource '{argument}' promoted")


SELECTOR = Promoted()
