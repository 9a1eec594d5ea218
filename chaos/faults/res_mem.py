"""res.mem: the node's memory is taken away."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from chaos.faults.base import Number
from chaos.faults.loadbase import SECONDS, LoadFault, family

LARGEST = 2048  # MB; a container's memory is the host's
# Every page is written, and written again each second: what is only asked for or never used takes nothing from anybody.
_HOLD = ("import time\nheld = bytearray(b'1') * ({mb} << 20)\n"
         "while True:\n    held[::4096] = bytes(len(held) // 4096)\n    time.sleep(1)")


class ResMem(LoadFault):
    """``mb`` (default 256) are taken, and kept."""

    name = "res.mem"
    summary = "take memory away from the node"
    numbers = (SECONDS, Number("mb", 256, 1, LARGEST))
    parameters = frozenset({"seconds", "mb"})

    def script(self, number: Mapping[str, int]) -> str:
        return f"exec python3 -c {shlex.quote(_HOLD.format(mb=number['mb']))}"

    def felt(self, number: Mapping[str, int]) -> str:
        """At least half of it is in memory: the rest may be in the swap of a host that has some."""
        resident = family("sed -n 's/^VmRSS:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/$one/status")
        return f"kb=$({resident}); echo \"$(( kb / 1024 )) MB resident\"; [ $kb -ge {number['mb'] * 1024 // 2} ]"


FAULT = ResMem()
