"""res.mem: the node's memory is taken away."""

from __future__ import annotations

from collections.abc import Mapping

from chaos.faults.base import Number
from chaos.faults.loadbase import SECONDS, LoadFault

LARGEST = 2048  # MB; a container's memory is the host's


class ResMem(LoadFault):
    """``mb`` (default 256) are taken, and taken again."""

    name = "res.mem"
    summary = "take memory away from the node"
    numbers = (SECONDS, Number("mb", 256, 1, LARGEST))
    parameters = frozenset({"seconds", "mb"})

    def script(self, number: Mapping[str, int]) -> str:
        return f"while :; do head -c {number['mb']}M /dev/zero | tail -c 1; done"  # tail keeps all of it in memory


FAULT = ResMem()
