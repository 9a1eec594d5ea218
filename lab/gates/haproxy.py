"""Every proxy sees every backend UP."""

from __future__ import annotations

from daemons import haproxy
from daemons.services import PROXIED
from lab.gates import Look, on_node
from lab.lab import Lab
from lab.plan import Plan


class Haproxy:
    name = "haproxy"
    after: tuple[str, ...] = ("galera",)

    def applies(self, plan: Plan) -> bool:
        return bool(plan.running("haproxy"))

    def look(self, lab: Lab) -> Look:
        proxies = [node.name for node in lab.plan.running("haproxy")]
        want = {(service, node.name) for service in PROXIED for node in lab.plan.running(service)}
        for proxy, said in lab.shell.on_all(proxies, haproxy.STAT, timeout=10, check=False).items():
            if not said.stdout.strip():
                return Look(False, f"HAProxy on {proxy} does not answer")
            servers = haproxy.servers(said.stdout)
            if {(server.proxy, server.name) for server in servers} != want:
                return Look(False, f"{proxy} balances {len(servers)} servers, the plan has {len(want)}")
            if down := [f"{server.name} is {server.status}" for server in servers
                        if server.status != ("MAINT" if server.name in lab.plan.maintenance else "UP")]:
                return Look(False, f"{proxy}: {', '.join(down)}")
        return Look(True, f"{len(want)} backends UP on {len(proxies)} proxies")

    def show(self, lab: Lab) -> str:
        return on_node(lab, lab.plan.running("haproxy")[0].name, haproxy.STAT)


GATE = Haproxy()
