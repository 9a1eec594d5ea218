"""Every corosync cluster is whole and quorate, and all its members say the same (R16)."""

from __future__ import annotations

from daemons import corosync
from lab.gates import Look, on_node
from lab.lab import Lab
from lab.plan import Plan


class Membership:
    name = "membership"
    after: tuple[str, ...] = ("ssh",)

    def applies(self, plan: Plan) -> bool:
        return bool(plan.clusters)

    def look(self, lab: Lab) -> Look:
        firsts = [cluster.nodes[0] for cluster in lab.plan.clusters]
        others = [node for cluster in lab.plan.clusters for node in cluster.nodes[1:]]
        # One member of each first: all of them need not be asked while that one does not see the rest.
        for nodes in (firsts, others):
            # Exit code 2 says "not quorate" and still prints the table.
            for node, said in lab.shell.on_all(nodes, corosync.QUORUM, timeout=5, check=False).items():
                if trouble := _trouble(lab, node, said.stdout):
                    return Look(False, trouble)
        count = len(lab.plan.nodes)
        device = ", a vote from the quorum device" if lab.plan.qnetd else ""
        return Look(True, f"{count} nodes in {len(lab.plan.clusters)} cluster(s), quorate, same view{device}")

    def show(self, lab: Lab) -> str:
        return on_node(lab, lab.plan.nodes[0].name, corosync.QUORUM)


def _trouble(lab: Lab, node: str, said: str) -> str:
    """What is wrong with the membership as one node tells it; empty: nothing."""
    cluster = lab.plan.cluster(lab.plan.node(node).cluster)
    want = sorted(member.index for member in lab.plan.members(cluster.name))
    try:
        seen = corosync.quorum(said)
    except ValueError:
        return f"{node}: corosync does not answer"
    if list(seen.members) != want:
        return f"{node} sees members {list(seen.members)}, cluster {cluster.name} has {want}"
    if not seen.quorate:
        return f"{node} is not quorate"
    if cluster.qdevice and not seen.device_votes:
        return f"{node} has no vote from the quorum device"
    return ""


GATE = Membership()
