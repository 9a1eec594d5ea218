"""What Pacemaker says about itself: ``crm_mon --output-as=xml``, and who can be asked."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chaos.reach import ssh_banner
from lab.errors import HalabError, NodeError

if TYPE_CHECKING:
    from lab.lab import Lab

COMMAND = "crm_mon --one-shot --inactive --output-as=xml"
_TIMEOUT = 15.0


@dataclass(frozen=True)
class Resource:
    """One instance of a resource; a clone has one for each node, ``node`` is empty when stopped."""

    id: str
    agent: str  # e.g. "ocf:heartbeat:IPaddr2"
    role: str  # Started, Stopped, Promoted, Unpromoted (Master, Slave before 2.1)
    node: str
    active: bool
    failed: bool


@dataclass(frozen=True)
class ClusterView:
    """One node's view of its cluster."""

    dc: str
    online: tuple[str, ...]
    resources: tuple[Resource, ...]

    def running(self, agent: str) -> list[Resource]:
        """Active instances whose agent ends in ``agent``, e.g. ``IPaddr2``."""
        return [one for one in self.resources if one.active and one.agent.rsplit(":", 1)[-1] == agent]


def parse(xml: str) -> ClusterView:
    """Read crm_mon's XML; HalabError if it is none (the daemon is starting or stopping)."""
    try:
        root = ET.fromstring(xml)
    except ET.ParseError as error:
        raise HalabError("crm_mon did not answer with XML", where=str(error)) from error
    dc = root.find("./summary/current_dc")
    return ClusterView(
        dc=dc.get("name", "") if dc is not None and dc.get("present") == "true" else "",
        online=tuple(node.get("name", "") for node in root.findall("./nodes/node")
                     if node.get("online") == "true" and node.get("unclean") != "true"),
        # Wherever it stands: in a group, a clone or alone.
        resources=tuple(_resource(one) for one in root.findall("./resources//resource")),
    )


def _resource(one: ET.Element) -> Resource:
    node = one.find("node")
    return Resource(id=one.get("id", ""), agent=one.get("resource_agent", "").replace("::", ":"),
                    role=one.get("role", ""), node=node.get("name", "") if node is not None else "",
                    active=one.get("active") == "true", failed=one.get("failed") == "true")


def ask(lab: Lab, nodes: Iterable[str]) -> ClusterView:
    """The view of the first of ``nodes`` that answers, those with a live SSH first in line.

    Raises NodeError when none does.
    """
    words = "no node was asked"
    for node in nodes:
        # Cheap look first: a dead node would hold the shell for its whole connection timeout.
        if not ssh_banner(lab, node):
            words = f"{node}: SSH is silent"
            continue
        try:
            return parse(lab.shell.run(node, COMMAND, timeout=_TIMEOUT).stdout)
        except HalabError as error:
            words = f"{node}: {error.what}"
    raise NodeError("no node could tell the cluster's state", where=words,
                    remedy=f"./inv lab.status --name={lab.name}")
