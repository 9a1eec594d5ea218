"""disk.full: the node's disk has no room left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.faults.diskbase import DATA, DiskFault
from chaos.faults.guestbase import REVIVE
from chaos.model import Target

if TYPE_CHECKING:
    from lab.lab import Lab

FILLER = f"{DATA}/halab-filler"
_SPARE = 1 << 20  # bytes left to be written: the file system needs some of them for itself


class DiskFull(DiskFault):
    """One file takes what is free.  What was written stays; nothing more can be.

    The room is reserved, not written, so that the host's image of the disk does not grow.
    """

    name = "disk.full"
    summary = "leave no room on the node's disk"
    refusal = "No space left on device"

    def act(self, lab: Lab, node: str, target: Target) -> str:
        free = f"$(( $(df --output=avail -B1 {DATA} | tail -n 1) - {_SPARE} ))"
        return (f"fallocate -l {free} {FILLER} 2>/dev/null; "
                f"dd if=/dev/zero of={FILLER}.rest bs=4k count={64 * _SPARE // 4096} 2>/dev/null; true")

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return f"rm -f {FILLER} {FILLER}.rest; {REVIVE}"


FAULT = DiskFull()
