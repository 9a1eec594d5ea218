"""memcached answers on every node that runs it."""

from __future__ import annotations

from daemons.services import port
from lab.gates import Look, on_node
from lab.lab import Lab
from lab.plan import Plan


class Memcached:
    name = "memcached"
    after: tuple[str, ...] = ()

    def applies(self, plan: Plan) -> bool:
        return bool(plan.running("memcached"))

    def look(self, lab: Lab) -> Look:
        servers = lab.plan.running("memcached")
        for node in servers:
            try:
                with lab.namespace.connect(str(node.control), port("memcached"), timeout=2) as sock:
                    sock.settimeout(2)
                    sock.sendall(b"version\r\n")
                    answer = sock.recv(64)
            except (ConnectionError, TimeoutError) as error:
                return Look(False, f"memcached on {node.name}: {error.strerror or error}")
            if not answer.startswith(b"VERSION"):
                return Look(False, f"memcached on {node.name} gives a strange answer")
        return Look(True, f"{len(servers)} servers answer")

    def show(self, lab: Lab) -> str:
        return on_node(lab, lab.plan.running("memcached")[0].name, "systemctl status memcached")


GATE = Memcached()
