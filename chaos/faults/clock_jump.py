"""clock.jump: the node's clock is suddenly wrong."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos.faults.guestbase import GuestFault
from chaos.model import Target
from lab.errors import RefusedError

if TYPE_CHECKING:
    from lab.lab import Lab

NEAR = 5  # s; what a slow login may take


class ClockJump(GuestFault):
    """``seconds`` forward (default 120) or, with a minus, back.  Timers that count real time fire or starve.

    The inverse sets the clock by the host's.
    """

    name = "clock.jump"
    summary = "set the node's clock wrong"
    needs = frozenset({"shell", "own_clock"})
    bounds = "undecided"
    parameters = frozenset({"seconds"})

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        seconds = params.get("seconds", 120)
        if not isinstance(seconds, int) or isinstance(seconds, bool) or not 1 <= abs(seconds) <= 31_536_000:
            raise RefusedError("'seconds' must be a whole number, at most a year, and not 0", where="params.seconds")

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return f"date --set=@$(( $(date +%s) + {int(target.params.get('seconds', 120))} )) >/dev/null"

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        # The dead man's own timer would set a time that has passed; a little off is better than far off.
        return f"date --set=@{time.time():.3f} >/dev/null"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        return f"now=$(date +%s); off=$(( now - {time.time():.0f} )); echo $off s off; [ ${{off#-}} -gt {NEAR} ]"

FAULT = ClockJump()
