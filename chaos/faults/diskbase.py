"""What the faults share that take the disk below the databases away: proven by a write that fails, or does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from chaos.evidence import UNASKED
from chaos.faults.guestbase import GuestFault
from chaos.model import Target

if TYPE_CHECKING:
    from lab.lab import Lab

DATA = "/var/lib"  # the databases and queues lie below it, on the node's one disk
TRIAL = f"{DATA}/halab-trial"


class DiskFault(GuestFault):
    """``refusal`` is what the kernel says to a write while the fault holds.

    A container's disk is the host's, which nobody may fill or lock: these need a disk of the node's own.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"shell", "blockdev"})
    bounds: ClassVar[str] = "undecided"
    endures: ClassVar[bool] = True
    refusal: ClassVar[str]

    def may_be_fenced(self, target: Target, members: tuple[str, ...]) -> tuple[str, ...]:
        """What cannot write may fail to stop."""
        return target.nodes

    def relapses(self, target: Target) -> bool:
        return True

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        """Gone when the write succeeds: one that fails in another way, as with an error of the disk, is no cure."""
        write = f"dd if=/dev/zero of={TRIAL} bs=64k count=16 conv=fsync"
        return (f"said=$(LC_ALL=C {write} 2>&1); failed=$?; rm -f {TRIAL}; [ $failed -ne 0 ] || "
                f"{{ echo a write of 1 MB was flushed; exit 1; }}; echo \"$said\" | grep -F '{self.refusal}' || "
                f"{{ echo \"$said\" >&2; exit {UNASKED}; }}")
