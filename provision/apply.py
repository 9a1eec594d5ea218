"""Bring a running lab to its plan, and say what differed.

The same role files are laid on a node's disk before its first boot (``seed``) or pushed to a
running one (``apply``): one source, two ways in.  A second ``apply`` changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from lab import interrupt
from lab.lab import Lab
from lab.node.files import File
from lab.ops.fit import refuse_dark
from lab.parallel import for_each
from lab.plan import Cluster, Node, Plan
from lab.state import exclusive
from lab.state.secrets import Secrets
from provision import push
from provision.role import Change, NodeContext
from provision.roles import all_roles


def node_files(plan: Plan, node: Node, secrets: Secrets) -> list[File]:
    """Every file of one node, in the order of the roles.  Pure but for secrets made at first use."""
    ctx = NodeContext(plan, node, secrets)
    files = [file for role in all_roles() if role.applies(node) for file in role.files(ctx)]
    return [file for file in files if not (node.late and file.initial)]


def revive_files(lab: Lab) -> dict[str, list[File]]:
    """By node, what the daemons must find when all nodes boot from disks of one instant (a snapshot)."""
    contexts = [NodeContext(lab.plan, node, lab.secrets) for node in lab.plan.hosts]
    return {ctx.node.name: [file for role in all_roles() if role.applies(ctx.node) for file in role.revive(ctx)]
            for ctx in contexts}


def apply(lab: Lab) -> list[Change]:
    """Push what differs on every node, then converge every cluster; the changes made.

    RefusedError for a node without power, and while another command works on the lab: a daemon
    restarted in the middle of a chaos run would be taken for the fault's doing.
    """
    with exclusive(lab.name, "provision.apply"):
        refuse_dark(lab, "and its configuration is laid on running nodes")
        changes = apply_files(lab)
        interrupt.check("clusters")
        with lab.events.step("clusters"):
            return changes + converge_all(lab)


def apply_files(lab: Lab) -> list[Change]:
    """Push the files that differ and restart what they belong to, all nodes at the same time."""
    with lab.events.step("files"):
        return _on_nodes(lab, _apply_node)


def converge_all(lab: Lab) -> list[Change]:
    """Bring every cluster's live configuration to the plan, all clusters at the same time."""
    return _on_clusters(lab, converge)


def diff(lab: Lab) -> list[Change]:
    """What ``apply`` would change; touches nothing."""
    return _on_nodes(lab, _diff_node) + _on_clusters(lab, _differences)


def converge(lab: Lab, cluster: Cluster) -> list[Change]:
    """What only a running cluster can hold (CIB, database users), role by role."""
    return [change for role in all_roles() for change in role.converge(lab, cluster)]


def _differences(lab: Lab, cluster: Cluster) -> list[Change]:
    return [change for role in all_roles() for change in role.differences(lab, cluster)]


def _diff_node(lab: Lab, node: Node) -> list[Change]:
    drifted = push.drift(lab, node.name, node_files(lab.plan, node, lab.secrets))
    return [Change(node.name, item.what, item.why) for item in drifted]


def _apply_node(lab: Lab, node: Node) -> list[Change]:
    drifted = push.drift(lab, node.name, node_files(lab.plan, node, lab.secrets))
    push.mend(lab, node.name, drifted)
    return [Change(node.name, item.what, item.why) for item in drifted]


def _on_nodes(lab: Lab, work: Callable[[Lab, Node], list[Change]]) -> list[Change]:
    return [change for found in for_each(lab.plan.hosts, lambda node: work(lab, node)) for change in found]


def _on_clusters(lab: Lab, work: Callable[[Lab, Cluster], list[Change]]) -> list[Change]:
    return [change for found in for_each(lab.plan.clusters, lambda cluster: work(lab, cluster)) for change in found]
