"""memcached: a cache on every node that runs it; clients hash over the full list, no proxy."""

from __future__ import annotations

from lab.node.files import File
from lab.plan import Node
from provision.render import render
from provision.role import BaseRole, NodeContext, enabled


class Memcached(BaseRole):
    name = "memcached"
    packages = ("memcached",)

    def applies(self, node: Node) -> bool:
        return "memcached" in node.services

    def files(self, ctx: NodeContext) -> list[File]:
        config = [File("/etc/memcached.conf", render("memcached.conf.j2", node=ctx.node),
                       on_change=("memcached.service",))]
        if ctx.plan.in_pacemaker("memcached"):
            return config
        return [
            *config,
            File("/etc/systemd/system/memcached.service.d/halab.conf",
                 b"# A stateless service needs no cluster manager: systemd revives it.\n"
                 b"[Service]\nRestart=always\nRestartSec=500ms\n"),
            enabled("memcached.service"),
        ]


ROLE = Memcached()
