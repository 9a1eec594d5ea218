"""A linear axis: seconds from the fault to x on the page, and where its ticks go."""

from __future__ import annotations

import math
from dataclasses import dataclass

_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)


@dataclass(frozen=True)
class Axis:
    """``low`` and ``high`` are seconds, ``left`` and ``right`` pixels."""

    low: float
    high: float
    left: float
    right: float

    def x(self, seconds: float) -> float:
        """The pixel of a moment, held inside the axis."""
        held = min(max(seconds, self.low), self.high)
        return round(self.left + (held - self.low) / (self.high - self.low) * (self.right - self.left), 2)

    def ticks(self, at_most: int = 14) -> list[tuple[float, str]]:
        """(x, label) at round distances, zero among them."""
        span = self.high - self.low
        step = next((step for step in _STEPS if span / step <= at_most), _STEPS[-1])
        first = math.ceil(self.low / step)
        return [(self.x(number * step), f"{number * step:g}")
                for number in range(first, math.floor(self.high / step) + 1)]
