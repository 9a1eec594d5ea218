"""What the faults share that make a node's clock wrong: how it is set right again."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING, ClassVar

from chaos.faults.base import all_hold
from chaos.faults.guestbase import GuestFault
from chaos.model import Proof, Target
from lab.errors import HalabError

if TYPE_CHECKING:
    from lab.lab import Lab

NEAR = 5  # s; what a slow login may take
TICK = 10_000  # us, what the clock gains at each tick of the kernel (adjtimex(2)): more is fast, less is slow
# struct timex of 64-bit Linux: ``modes`` at 0 (0x4000 is ADJ_TICK), ``tick`` at 88.
_PACE = ("import ctypes, struct; t = ctypes.create_string_buffer(256); struct.pack_into('I', t, 0, 0x4000); "
         "struct.pack_into('q', t, 88, {tick}); raise SystemExit(ctypes.CDLL(None).adjtimex(t) < 0)")
# The oscillator itself: neither a step nor a wrong pace moves it.
_RAW = "time.clock_gettime(time.CLOCK_MONOTONIC_RAW)"


def python(script: str) -> str:
    """A command that runs ``script`` on the node."""
    return f"python3 -c {shlex.quote(script)}"


def pace(tick: int) -> str:
    """A command that sets how fast the node's clock goes; ``TICK`` is right."""
    return python(_PACE.format(tick=tick))


class ClockFault(GuestFault):
    """Healed by the host's time; on its own, the node counts on from when its clock was right."""

    needs: ClassVar[frozenset[str]] = frozenset({"shell", "own_clock"})
    bounds: ClassVar[str] = "undecided"

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return f"{pace(TICK)}; date --set=@{time.time():.3f} >/dev/null"

    def armed(self, lab: Lab, node: str, target: Target) -> str:
        base = float(lab.shell.run(node, python(f"import time; print(time.time() - {_RAW})"), timeout=20).stdout)
        return f"{pace(TICK)}; date --set=@$({python(f'import time; print({base!r} + {_RAW})')}) >/dev/null"

    def healed(self, lab: Lab, target: Target) -> Proof:
        return all_hold([super().healed(lab, target), *(self._right(lab, node) for node in target.nodes)])

    @staticmethod
    def _right(lab: Lab, node: str) -> Proof:
        try:
            off = float(lab.shell.run(node, "date +%s.%N", timeout=20).stdout) - time.time()
        except HalabError as error:
            return Proof(False, f"{node}: cannot look: {error.what}")
        return Proof(abs(off) <= NEAR, f"{node}: its clock is {off:+.1f} s off")
