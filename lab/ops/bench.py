"""How long a lab takes from nothing to healthy, measured by building it again and again.

Beside it stands what the host alone takes for as many machines: the same nodes without any cluster or service.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from lab import interrupt
from lab.errors import RefusedError
from lab.host.doctor import free_memory_mb
from lab.ops.down import take_down
from lab.ops.up import bring_up
from lab.plan import Plan
from lab.state.events import Listener
from lab.state.home import LabPaths

_LIMIT = 900.0  # seconds for one lab


@dataclass(frozen=True)
class Bench:
    """One size.  ``seconds``: each ``bring_up``, in order, without the image's bake; ``bare``: until as many
    machines without services take a login; ``memory_mb``: the most that a healthy lab took of the host's
    available memory."""

    style: str
    nodes: int
    bare: float
    seconds: tuple[float, ...]
    memory_mb: int

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def worst(self) -> float:
        return max(self.seconds)


def bench(plans: Sequence[tuple[Plan, str]], count: int, listener: Listener) -> list[Bench]:
    """Build and take down the lab of each plan (and its topology's text) ``count`` times; nothing of it is left."""
    for plan, _ in plans:
        if LabPaths.of(plan.lab).root.exists():
            raise RefusedError(f"there is a lab '{plan.lab}', and the benchmark would take it down",
                               where=str(LabPaths.of(plan.lab).root), remedy=f"./inv lab.down --name={plan.lab}")
    return [_measure(plan, text, count, listener) for plan, text in plans]


def without_services(plan: Plan) -> Plan:
    """The same machines, in no cluster and with nothing to run: what booting alone takes."""
    nodes = tuple(node.model_copy(update={"cluster": "", "services": ()}) for node in plan.hosts)
    return plan.model_copy(update={"nodes": nodes, "clusters": (), "vips": (), "qnetd": None})


def _measure(plan: Plan, text: str, count: int, listener: Listener) -> Bench:
    bare, _ = _once(without_services(plan), text, listener)
    taken = [_once(plan, text, listener) for _ in range(max(1, count))]
    return Bench(plan.style, len(plan.nodes), bare, tuple(seconds for seconds, _ in taken),
                 max(memory for _, memory in taken))


def _once(plan: Plan, text: str, listener: Listener) -> tuple[float, int]:
    """Seconds until the lab is healthy, and the MB that it then takes."""
    interrupt.check("the next lab")
    before = free_memory_mb()
    theirs = False
    try:
        result = bring_up(plan, text, timeout=_LIMIT, listener=listener)
        return result.seconds, before - free_memory_mb()
    except RefusedError:
        theirs = True  # made by somebody else meanwhile, or nothing was made
        raise
    finally:
        if not theirs and LabPaths.of(plan.lab).root.exists():
            take_down(plan.lab)
