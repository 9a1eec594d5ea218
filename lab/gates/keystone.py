"""Keystone answers on every node that runs it, and through the virtual IP."""

from __future__ import annotations

from daemons import keystone
from daemons.services import port
from lab.gates import Look, on_node
from lab.lab import Lab
from lab.plan import Plan


class Keystone:
    name = "keystone"
    after: tuple[str, ...] = ("vip",)

    def applies(self, plan: Plan) -> bool:
        return bool(plan.running("keystone"))

    def look(self, lab: Lab) -> Look:
        servers = lab.plan.running("keystone")
        asked = [(node.name, node.control) for node in servers] + [(f"VIP {vip.name}", vip.address)
                                                                   for vip in lab.plan.vips]
        for name, address in asked:
            try:
                status = lab.namespace.http_status(str(address), port("keystone"), keystone.PATH, timeout=5)
            except OSError as error:
                return Look(False, f"Keystone on {name}: {error.strerror or error}")
            if status != 200:
                return Look(False, f"Keystone on {name} answers with {status}")
        return Look(True, f"{len(servers)} instances answer, and through {len(lab.plan.vips)} VIPs")

    def show(self, lab: Lab) -> str:
        return on_node(lab, lab.plan.running("keystone")[0].name, "systemctl status keystone")


GATE = Keystone()
