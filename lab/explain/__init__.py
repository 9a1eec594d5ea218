"""``lab.explain``: why something is where it is, in a person's words, with the evidence.

One file for each subject.  In each, ``read`` asks the lab and gives facts, ``tell`` makes sentences of
them and touches nothing.  Any resource of Pacemaker is a subject too (:mod:`lab.explain.resource`).
"""

from __future__ import annotations

import importlib

from lab.choices import unknown_choice
from lab.errors import HalabError, RefusedError
from lab.explain import resource
from lab.explain.model import Explanation
from lab.lab import Lab
from lab.node import crm
from lab.plan import Plan

SUBJECTS = ("vip", "galera", "fencing", "quorum")


def explain(name: str, subject: str) -> Explanation:
    """Why ``subject`` is as it is in the lab ``name``; RefusedError with the list for an unknown one."""
    lab = Lab.open(name)
    try:
        if subject in subjects_of(lab.plan):
            told: Explanation = importlib.import_module(f"{__name__}.{subject}").explain(lab)
            return told
        clusters = resources(lab)
        if subject not in clusters:
            raise _unknown(lab, subject, [*subjects_of(lab.plan), *clusters])
        return resource.explain(lab, clusters[subject], subject)
    finally:
        lab.shell.close()


def subjects_of(plan: Plan) -> list[str]:
    """The subjects that this plan has."""
    without = {"vip": not plan.vips, "galera": not plan.running("galera")}
    return [subject for subject in SUBJECTS if not without.get(subject)]


def resources(lab: Lab) -> dict[str, str]:
    """The cluster of each of Pacemaker's resources; those of a cluster that does not answer are missing."""
    found: dict[str, str] = {}
    for cluster in lab.plan.clusters:
        try:
            cib = crm.cib(lab, crm.reachable(lab, cluster))
        except HalabError:
            continue
        found |= {one.id: cluster.name for one in cib.primitives}
    return found


def _unknown(lab: Lab, subject: str, known: list[str]) -> RefusedError:
    services = {service for cluster in lab.plan.clusters for service in cluster.services}
    if subject in services:
        return RefusedError(f"'{subject}' runs under systemd on its nodes: Pacemaker does not place it",
                            where=f"lab '{lab.name}'", remedy=f"./inv lab.status --name={lab.name}")
    # Galera is a subject of its own and a resource: named once.
    return unknown_choice("subject", subject, dict.fromkeys(known), where=f"lab '{lab.name}'")
