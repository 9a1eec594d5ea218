"""What a lab must be before something is done to it: no fault of before, power everywhere, green gates."""

from __future__ import annotations

from lab import gates
from lab.drivers.base import PowerState
from lab.errors import RefusedError
from lab.lab import Lab


def refuse_unhealed(lab: Lab) -> None:
    """RefusedError, with the command that heals, while a fault of the lab's journal is open."""
    from chaos.journal import refuse_if_unhealed

    refuse_if_unhealed(lab.paths, lab.name)


def refuse_dark(lab: Lab, why: str) -> None:
    """RefusedError unless every node has power and runs; ``why`` says what asks for it."""
    dark = [node.name for node in lab.plan.hosts if lab.driver.power.state(node.name) is not PowerState.ON]
    if dark:
        raise RefusedError(f"lab '{lab.name}' does not run, {why}",
                           where=f"without power or suspended: {', '.join(dark)}",
                           remedy=f"./inv lab.start --name={lab.name}")


def refuse_unhealthy(lab: Lab, why: str) -> None:
    """As :func:`refuse_dark`, and unless every gate holds."""
    refuse_dark(lab, why)
    for gate in gates.check_all(lab):
        if not gate.ok:
            raise RefusedError(f"lab '{lab.name}' is not healthy, {why}", where=f"gate {gate.name}: {gate.detail}",
                               remedy=f"./inv lab.wait --name={lab.name}; look: {gate.show}")
