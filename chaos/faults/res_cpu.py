"""res.cpu: the node's processors are kept busy."""

from __future__ import annotations

from collections.abc import Mapping

from chaos.faults.base import Number
from chaos.faults.loadbase import SECONDS, LoadFault, grows

_LEAST = 5  # ticks of a hundredth of a second (proc(5)); a shell that waits uses none


class ResCpu(LoadFault):
    """Busy loops, ``workers`` of them (default 4): timers fire late, and a membership must survive it."""

    name = "res.cpu"
    summary = "load the node's processors"
    numbers = (SECONDS, Number("workers", 4, 1, 1000))
    parameters = frozenset({"seconds", "workers"})

    def script(self, number: Mapping[str, int]) -> str:
        return f"for i in $(seq {number['workers']}); do while :; do :; done & done; wait"

    def felt(self, number: Mapping[str, int]) -> str:
        # utime, stime, and the same of children that have ended.
        return grows("cut -d ' ' -f 14-17 /proc/$one/stat", _LEAST, "ticks of CPU time")


FAULT = ResCpu()
