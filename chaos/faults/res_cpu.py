"""res.cpu: the node's processors are kept busy."""

from __future__ import annotations

from collections.abc import Mapping

from chaos.faults.base import Number
from chaos.faults.loadbase import SECONDS, LoadFault


class ResCpu(LoadFault):
    """Busy loops, ``workers`` of them (default 4): timers fire late, and a membership must survive it."""

    name = "res.cpu"
    summary = "load the node's processors"
    numbers = (SECONDS, Number("workers", 4, 1, 1000))
    parameters = frozenset({"seconds", "workers"})

    def script(self, number: Mapping[str, int]) -> str:
        return f"for i in $(seq {number['workers']}); do while :; do :; done & done; wait"


FAULT = ResCpu()
