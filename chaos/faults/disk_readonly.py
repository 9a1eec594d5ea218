"""disk.readonly: the node's file system refuses writes, as after an error of its disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.faults.diskbase import DiskFault
from chaos.faults.guestbase import REVIVE
from chaos.model import Target

if TYPE_CHECKING:
    from lab.lab import Lab


class DiskReadonly(DiskFault):
    """The kernel's own emergency remount (sysrq u): it writes out what is in memory and then takes nothing more.

    Daemons keep their open files and meet the error at their next write.
    """

    name = "disk.readonly"
    summary = "make the node's file system read-only"
    refusal = "Read-only file system"

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return "sync; echo u > /proc/sysrq-trigger"

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return f"mount -o remount,rw /; {REVIVE}"


FAULT = DiskReadonly()
