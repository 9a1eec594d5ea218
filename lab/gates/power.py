"""Every node has power."""

from __future__ import annotations

from lab.drivers.base import PowerState
from lab.gates import Look
from lab.lab import Lab
from lab.plan import Plan


class Power:
    name = "power"
    after: tuple[str, ...] = ()

    def applies(self, plan: Plan) -> bool:
        return True

    def look(self, lab: Lab) -> Look:
        states = {node.name: lab.driver.power.state(node.name) for node in lab.plan.hosts}
        down = [f"{name} is {state}" for name, state in states.items() if state is not PowerState.ON]
        return Look(not down, ", ".join(down) or f"{len(states)} nodes on")

    def show(self, lab: Lab) -> str:
        return f"./inv lab.status --name={lab.name}"


GATE = Power()
