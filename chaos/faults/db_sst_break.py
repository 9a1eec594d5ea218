"""db.sst_break: state transfers fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.faults.guestbase import GuestFault
from chaos.model import Target

if TYPE_CHECKING:
    from lab.lab import Lab

PROGRAM = "/usr/bin/mariadb-backup"  # mariabackup is a link to it


class DbSstBreak(GuestFault):
    """The backup program is away when a joiner needs it, so a server that lost its data cannot come back."""

    name = "db.sst_break"
    summary = "break state transfers to and from the node"
    bounds = "unfelt"

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return f"mount --bind /bin/false {PROGRAM}"

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return f"umount {PROGRAM} 2>/dev/null; crm_resource --cleanup >/dev/null 2>&1; true"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        """It ends in failure, as the transfer's script will find."""
        return (f"({self.remains(lab, node, target)}) && {{ {PROGRAM} --version >/dev/null 2>&1; said=$?; "
                f"echo {PROGRAM} ends with $said; [ $said -ne 0 ]; }}")

    def remains(self, lab: Lab, node: str, target: Target) -> str:
        return f"grep -qF ' {PROGRAM} ' /proc/mounts"


FAULT = DbSstBreak()
