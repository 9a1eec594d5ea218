"""Every proxy sees every backend UP."""

from __future__ import annotations

import csv

from lab.gates import Look, on_node
from lab.lab import Lab
from lab.plan import Plan

_COMMAND = "echo 'show stat' | socat -t 3 stdio unix-connect:/run/haproxy/admin.sock"


class Haproxy:
    name = "haproxy"
    after: tuple[str, ...] = ("galera",)

    def applies(self, plan: Plan) -> bool:
        return bool(plan.running("haproxy"))

    def look(self, lab: Lab) -> Look:
        proxies = [node.name for node in lab.plan.running("haproxy")]
        want = {("galera", node.name) for node in lab.plan.running("galera")}
        for proxy, said in lab.shell.on_all(proxies, _COMMAND, timeout=10, check=False).items():
            rows = list(csv.DictReader(said.stdout.lstrip("# ").splitlines()))
            if not rows:
                return Look(False, f"HAProxy on {proxy} does not answer")
            servers = {(row["pxname"], row["svname"]): row["status"] for row in rows
                       if row["svname"] not in ("FRONTEND", "BACKEND")}
            if set(servers) != want:
                return Look(False, f"{proxy} balances {len(servers)} servers, the plan has {len(want)}")
            if down := [f"{name} is {status}" for (_, name), status in servers.items()
                        if status != ("MAINT" if name in lab.plan.maintenance else "UP")]:
                return Look(False, f"{proxy}: {', '.join(down)}")
        return Look(True, f"{len(want)} backends UP on {len(proxies)} proxies")

    def show(self, lab: Lab) -> str:
        return on_node(lab, lab.plan.running("haproxy")[0].name, _COMMAND)


GATE = Haproxy()
