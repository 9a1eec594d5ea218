"""Pacemaker's own XML, asked on a node: the status of a cluster and its CIB."""

from __future__ import annotations

from xml.etree import ElementTree

from lab.errors import NodeError
from lab.lab import Lab
from lab.plan import Cluster

STATUS_COMMAND = "crm_mon --one-shot --inactive --output-as=xml"


def status(lab: Lab, node: str) -> ElementTree.Element:
    """crm_mon's view from one node; NodeError while Pacemaker does not answer there."""
    return _parse(node, lab.shell.run(node, STATUS_COMMAND, timeout=10).stdout)


def cib(lab: Lab, node: str) -> ElementTree.Element:
    """The live CIB as one node has it."""
    return _parse(node, lab.shell.run(node, "cibadmin --query", timeout=10).stdout)


def reachable(lab: Lab, cluster: Cluster) -> str:
    """The first node of the cluster that takes a command; NodeError if none does."""
    for node in cluster.nodes:
        try:
            lab.shell.run(node, "true", timeout=5)
        except NodeError:
            continue
        return node
    raise NodeError(f"no node of cluster {cluster.name} can be reached",
                    remedy=f"./inv lab.status --name={lab.name}")


def _parse(node: str, text: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise NodeError(f"Pacemaker on {node} does not answer yet", where=str(error)) from error
