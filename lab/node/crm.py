"""Pacemaker, asked on a node: the status of a cluster and its configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from daemons import cib as config
from daemons import pacemaker
from daemons.cib import Cib
from daemons.pacemaker import Status
from lab.errors import NodeError
from lab.lab import Lab
from lab.plan import Cluster

T = TypeVar("T")


def status(lab: Lab, node: str) -> Status:
    """crm_mon's view from one node; NodeError while Pacemaker does not answer there."""
    return _understood(lab, node, lab.shell.run(node, pacemaker.STATUS, timeout=10).stdout, pacemaker.status)


def cib(lab: Lab, node: str) -> Cib:
    """The live CIB as one node has it; NodeError while Pacemaker does not answer there."""
    return _understood(lab, node, cib_text(lab, node), config.read)


def cib_text(lab: Lab, node: str) -> str:
    """The live CIB's own XML, for who wants to change it."""
    return lab.shell.run(node, config.COMMAND, timeout=10).stdout


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


def _understood(lab: Lab, node: str, text: str, read: Callable[[str], T]) -> T:
    try:
        return read(text)
    except ValueError as error:
        raise NodeError(f"Pacemaker on {node} does not answer yet", where=str(error),
                        remedy=f"./inv lab.logs --node={node} --unit=pacemaker --name={lab.name}") from error
