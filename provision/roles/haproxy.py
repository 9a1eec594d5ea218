"""HAProxy: on every node of its cluster, listening on virtual IPs only."""

from __future__ import annotations

from lab.node.files import File
from lab.plan import Node
from provision.render import nodefile, render
from provision.role import BaseRole, NodeContext, enabled, enabled_local

_HELD = "halab-haproxy-held.service"


class Haproxy(BaseRole):
    name = "haproxy"
    packages = ("haproxy",)

    def applies(self, node: Node) -> bool:
        return "haproxy" in node.services

    def files(self, ctx: NodeContext) -> list[File]:
        timers = ctx.plan.profile.haproxy
        config = render("haproxy.cfg.j2", plan=ctx.plan, node=ctx.node, timers=timers,
                        proxies=ctx.plan.running("haproxy"), galera=ctx.plan.running("galera"),
                        keystone=ctx.plan.running("keystone"), internal=ctx.plan.internal_vip)
        files = [File("/etc/haproxy/haproxy.cfg", config, on_change=("reload:haproxy.service",))]
        # With every service in the CIB Pacemaker alone starts and revives it.
        if timers.restart_by_systemd and ctx.plan.pacemaker == "core":
            # zz-: Pacemaker drops 50-pacemaker.conf with Restart=no when it starts the unit itself.
            files.append(File("/etc/systemd/system/haproxy.service.d/zz-halab.conf", nodefile("haproxy-restart.conf")))
            # Started at boot and adopted by Pacemaker's probe: its own start of a systemd unit takes 2 to 4 s.
            files += [enabled("haproxy.service"), enabled_local(_HELD),
                      File(f"/etc/systemd/system/{_HELD}", nodefile(_HELD)),
                      File("/etc/halab/haproxy-held.conf", nodefile("haproxy-held.conf"))]
        return files


ROLE = Haproxy()
