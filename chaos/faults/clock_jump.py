"""clock.jump: the node's clock is suddenly wrong."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos.faults.base import Number
from chaos.faults.clockbase import NEAR, ClockFault
from chaos.model import Target
from lab.errors import RefusedError

if TYPE_CHECKING:
    from lab.lab import Lab

_YEAR = 31_536_000
_LEAST = 2 * NEAR  # s; less could not be told from a slow answer
SECONDS = Number("seconds", 120, -_YEAR, _YEAR)


class ClockJump(ClockFault):
    """``seconds`` forward (default 120) or, with a minus, back.  Timers that count real time fire or starve."""

    name = "clock.jump"
    summary = "set the node's clock wrong"
    numbers = (SECONDS,)
    parameters = frozenset({SECONDS.name})

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        if abs(SECONDS.of(params)) < _LEAST:
            raise RefusedError(f"'{SECONDS.name}' must be {_LEAST} or more, forward or back", where="params.seconds",
                               remedy=f"{SECONDS.name}: {SECONDS.default}")

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return f"date --set=@$(( $(date +%s) + {SECONDS.of(target.params)} )) >/dev/null"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        return f"now=$(date +%s); off=$(( now - {time.time():.0f} )); echo $off s off; [ ${{off#-}} -gt {NEAR} ]"


FAULT = ClockJump()
