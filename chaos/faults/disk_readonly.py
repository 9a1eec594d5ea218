"""disk.readonly: the node's file system refuses writes, as after an error of its disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.faults.diskbase import DiskFault
from chaos.faults.guestbase import REVIVE, until_it_answers
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
        return f"mount -o remount,rw / && {{ {REVIVE}; }}"

    def armed(self, lab: Lab, node: str, target: Target) -> str:
        return f"{self.undo(lab, node, target)} || echo b > /proc/sysrq-trigger"

    def _undone(self, lab: Lab, node: str, target: Target) -> None:
        """By a remount, or else by a power cycle: ext4 stays read-only over files that were deleted while open."""
        if not lab.shell.run(node, self.undo(lab, node, target), timeout=120, check=False).ok:
            lab.driver.power.off(node)
            lab.driver.power.on(node)
            lab.shell.forget(node)
            until_it_answers(lab, node)


FAULT = DiskReadonly()
