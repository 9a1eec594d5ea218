"""What Pacemaker says about itself now: who is DC, and where its resources run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from chaos.reach import first_answer
from lab.node import crm

if TYPE_CHECKING:
    from lab.lab import Lab


@dataclass(frozen=True)
class Resource:
    """One running instance of a resource; a clone has one for each node."""

    id: str
    agent: str  # the last word of e.g. "ocf:heartbeat:IPaddr2"
    node: str
    promoted: bool = False


@dataclass(frozen=True)
class ClusterView:
    """One node's view of its cluster."""

    dc: str
    resources: tuple[Resource, ...]

    def running(self, agent: str) -> list[Resource]:
        return [one for one in self.resources if one.agent == agent]


def view(status: Element) -> ClusterView:
    """What a run has to know of crm_mon's XML (``lab.node.crm.status``)."""
    dc = status.find("./summary/current_dc")
    return ClusterView(
        dc=dc.get("name", "") if dc is not None and dc.get("present") == "true" else "",
        # Wherever it stands: in a group, a clone or alone.
        resources=tuple(_resource(one) for one in status.findall("./resources//resource")
                        if one.get("active") == "true"))


def _resource(one: Element) -> Resource:
    node = one.find("node")
    return Resource(one.get("id", ""), one.get("resource_agent", "").rsplit(":", 1)[-1],
                    node.get("name", "") if node is not None else "",
                    # "Master" until Pacemaker 2.1, "Promoted" since.
                    promoted=one.get("role") in ("Master", "Promoted"))


def ask(lab: Lab, nodes: Iterable[str]) -> ClusterView:
    """The view of the first of ``nodes`` that answers; NodeError when none does."""
    return view(first_answer(lab, nodes, lambda node: crm.status(lab, node)))
