"""Pacemaker of one cluster, asked on whichever member answers first: a run must do without a dead one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from chaos.model import Proof
from chaos.reach import first_answer
from daemons.cib import Cib
from daemons.pacemaker import Status
from lab.errors import HalabError, NothingThereError
from lab.node import crm

if TYPE_CHECKING:
    from lab.lab import Lab


def ask(lab: Lab, nodes: Iterable[str]) -> Status:
    """The view of the first of ``nodes`` that answers; NodeError when none does."""
    return first_answer(lab, nodes, lambda node: crm.status(lab, node))


def cib(lab: Lab, cluster: str) -> Cib:
    """The CIB of one of the lab's clusters; NodeError if none of its members answers."""
    return first_answer(lab, [node.name for node in lab.plan.members(cluster)], lambda node: crm.cib(lab, node))


def hosted(lab: Lab, node: str) -> list[str]:
    """The resources that run on ``node`` as it knows itself; NodeError while its Pacemaker does not answer."""
    return sorted({one.id for one in crm.status(lab, node).resources if one.active and node in one.nodes})


def must_host(lab: Lab, nodes: Iterable[str], resource: str) -> None:
    """NothingThereError unless ``resource`` runs on each of ``nodes``."""
    for node in nodes:
        if resource not in (there := hosted(lab, node)):
            raise NothingThereError(f"no {resource} runs on {node}", where=node,
                                    remedy=f"what does: {', '.join(there) or 'nothing'}")


def nowhere(lab: Lab, node: str, resource: str) -> Proof:
    """Whether ``resource`` runs on no node at all, as ``node`` sees it."""
    try:
        there = sorted({on for one in crm.status(lab, node).resources if one.id == resource and one.active
                        for on in one.nodes})
    except HalabError as error:
        return Proof(False, f"{node}: cannot look: {error.what}")
    return Proof(not there, f"{node}: {resource} " + (f"still runs on {', '.join(there)}" if there else "runs nowhere"))


def left(lab: Lab, node: str, resource: str = "") -> Proof:
    """Whether ``resource``, or everything without one, has left ``node``: in maintenance mode nothing does."""
    try:
        there = hosted(lab, node)
    except HalabError as error:
        return Proof(False, f"{node}: cannot look: {error.what}")
    if resource:
        return Proof(resource not in there, f"{node}: {resource} {'still runs' if resource in there else 'has left'}")
    return Proof(not there, f"{node}: " + (f"still runs {', '.join(there)}" if there else "no resource runs any more"))


def unmanaged(lab: Lab, node: str) -> Proof:
    """Whether the cluster of ``node`` leaves every resource alone: what the scheduler made of maintenance mode."""
    try:
        seen = crm.status(lab, node).resources
    except HalabError as error:
        return Proof(False, f"{node}: cannot look: {error.what}")
    managed = sorted({one.id for one in seen if one.managed})
    if managed or not seen:
        return Proof(False, f"{node}: " + (f"still managed: {', '.join(managed)}" if managed else "no resource at all"))
    return Proof(True, f"{node}: none of {len(seen)} resource instances is managed")


def fences(config: Cib, node: str) -> Proof:
    """V5: whether this configuration would fence ``node``."""
    if not config.fencing_on:
        return Proof(False, f"stonith-enabled is {config.properties['stonith-enabled']}")
    devices = config.fences(node)
    if not devices:
        return Proof(False, f"no fence device names {node} in pcmk_host_list")
    named = ", ".join(f"{device.id} ({device.agent})" for device in devices)
    return Proof(True, f"stonith-enabled, {node} is fenced by {named}")
