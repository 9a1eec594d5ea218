"""Pacemaker of one cluster, asked on whichever member answers first: a run must do without a dead one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from chaos.model import Proof
from chaos.reach import first_answer
from daemons.cib import Cib
from daemons.pacemaker import Status
from lab.node import crm

if TYPE_CHECKING:
    from lab.lab import Lab


def ask(lab: Lab, nodes: Iterable[str]) -> Status:
    """The view of the first of ``nodes`` that answers; NodeError when none does."""
    return first_answer(lab, nodes, lambda node: crm.status(lab, node))


def cib(lab: Lab, cluster: str) -> Cib:
    """The CIB of one of the lab's clusters; NodeError if none of its members answers."""
    return first_answer(lab, [node.name for node in lab.plan.members(cluster)], lambda node: crm.cib(lab, node))


def fences(config: Cib, node: str) -> Proof:
    """V5: whether this configuration would fence ``node``."""
    if not config.fencing_on:
        return Proof(False, f"stonith-enabled is {config.properties['stonith-enabled']}")
    devices = config.fences(node)
    if not devices:
        return Proof(False, f"no fence device names {node} in pcmk_host_list")
    named = ", ".join(f"{device.id} ({device.agent})" for device in devices)
    return Proof(True, f"stonith-enabled, {node} is fenced by {named}")
