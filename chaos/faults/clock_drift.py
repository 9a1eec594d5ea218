"""clock.drift: the node's clock goes too fast or too slow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos.evidence import judged
from chaos.faults.base import Number
from chaos.faults.clockbase import TICK, ClockFault, pace, python
from chaos.model import Target
from lab.errors import RefusedError

if TYPE_CHECKING:
    from lab.lab import Lab

PERCENT = Number("percent", 5, -10, 10)  # as far as the kernel goes
_FELT = 0.5  # percent; half of the least drift, and far above what reading two clocks costs
_LOOK = ("import time; both = lambda: (time.time(), time.clock_gettime(time.CLOCK_MONOTONIC_RAW)); "
         "a = both(); time.sleep(1); b = both(); off = ((b[0] - a[0]) / (b[1] - a[1]) - 1) * 100; "
         f"print(f'{{off:+.2f}} % fast,', 'right' if abs(off) < {_FELT} else 'wrong')")


class ClockDrift(ClockFault):
    """``percent`` too fast (default 5) or, with a minus, too slow: every timer of the node is wrong by that much.

    Its token fires early, its logs and expiries move away from the others'.
    """

    name = "clock.drift"
    summary = "let the node's clock go too fast or too slow"
    numbers = (PERCENT,)
    parameters = frozenset({PERCENT.name})

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        if not PERCENT.of(params):
            raise RefusedError("a drift of 0 is none", where="params.percent", remedy="1 to 10, or -1 to -10")

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return pace(TICK + TICK // 100 * PERCENT.of(target.params))

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        return judged(python(_LOOK), "grep -w wrong")


FAULT = ClockDrift()
