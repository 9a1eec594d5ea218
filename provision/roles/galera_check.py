"""The Galera check service: what HAProxy asks on port 9200 before it sends a node traffic."""

from __future__ import annotations

from lab.node.files import File
from lab.plan import Node
from provision.render import nodefile, render
from provision.role import BaseRole, NodeContext, enabled_local


class GaleraCheck(BaseRole):
    name = "galera_check"
    packages = ("python3", "python3-pymysql")

    def applies(self, node: Node) -> bool:
        return "galera" in node.services

    def files(self, ctx: NodeContext) -> list[File]:
        unit = "halab-galera-check.service"
        return [
            File("/usr/local/sbin/halab-galera-check", nodefile("halab-galera-check"), mode=0o755, on_change=(unit,)),
            File(f"/etc/systemd/system/{unit}", render("halab-galera-check.service.j2", node=ctx.node),
                 on_change=(unit,)),
            enabled_local(unit),
        ]


ROLE = GaleraCheck()
