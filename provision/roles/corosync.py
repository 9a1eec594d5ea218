"""corosync: membership and quorum, the one layer that everything else stands on."""

from __future__ import annotations

from lab.node.files import File
from lab.plan import Node
from provision.render import render
from provision.role import BaseRole, NodeContext, enabled


class Corosync(BaseRole):
    name = "corosync"
    packages = ("corosync", "libqb100")

    def applies(self, node: Node) -> bool:
        return bool(node.cluster)

    def files(self, ctx: NodeContext) -> list[File]:
        config = render("corosync.conf.j2", plan=ctx.plan, cluster=ctx.cluster, members=ctx.members,
                        timers=ctx.plan.profile.corosync)
        return [
            File("/etc/corosync/corosync.conf", config, on_change=("reload:corosync",)),
            # One key for each cluster: two clusters that share it would merge.
            File("/etc/corosync/authkey", ctx.secrets.key(f"authkey-{ctx.cluster.name}", 256), mode=0o400,
                 secret=True),
            enabled("corosync.service"),
        ]


ROLE = Corosync()
