"""Every node takes a root login over the management network."""

from __future__ import annotations

from lab.gates import Look
from lab.lab import Lab
from lab.plan import Plan


class Ssh:
    name = "ssh"
    after: tuple[str, ...] = ()

    def applies(self, plan: Plan) -> bool:
        return True

    def look(self, lab: Lab) -> Look:
        lab.shell.on_all((node.name for node in lab.plan.hosts), "true", timeout=5)
        return Look(True, f"{len(lab.plan.hosts)} nodes answer")

    def show(self, lab: Lab) -> str:
        return f"./inv lab.ssh {lab.plan.nodes[0].name} --name={lab.name}"


GATE = Ssh()
