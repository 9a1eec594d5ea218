"""How long a lab takes from nothing to healthy, measured by building it again and again."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

from lab import interrupt
from lab.down import take_down
from lab.errors import RefusedError
from lab.events import Listener
from lab.home import LabPaths
from lab.plan import Plan
from lab.up import bring_up

_LIMIT = 900.0  # seconds for one lab


@dataclass(frozen=True)
class Bench:
    """``seconds``: wall time of each ``bring_up``, in order; the first may include the image's bake."""

    style: str
    nodes: int
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def worst(self) -> float:
        return max(self.seconds)


def bench(plan: Plan, topology_text: str, count: int, listener: Listener) -> Bench:
    """Build and take down the lab of ``plan`` ``count`` times; nothing of it is left."""
    if LabPaths.of(plan.lab).root.exists():
        raise RefusedError(f"there is a lab '{plan.lab}', and the benchmark would take it down",
                           where=str(LabPaths.of(plan.lab).root), remedy=f"./inv lab.down --name={plan.lab}")
    taken = []
    for _ in range(max(1, count)):
        interrupt.check("the next lab")
        begun = time.monotonic()
        try:
            bring_up(plan, topology_text, timeout=_LIMIT, listener=listener)
            taken.append(time.monotonic() - begun)
        finally:
            # A refusal leaves nothing to take down, and must be what the person sees.
            if LabPaths.of(plan.lab).root.exists():
                take_down(plan.lab)
    return Bench(plan.style, len(plan.nodes), tuple(taken))
