"""db.flow_control: one slow member holds up the whole group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos import deadman
from chaos.faults.guestbase import GuestFault, identity
from chaos.model import Target

if TYPE_CHECKING:
    from lab.lab import Lab


class DbFlowControl(GuestFault):
    """A read lock on one member: its queue grows, it asks the others to wait, and nobody can commit.

    No check sees it: every server answers, is synced and Primary.
    """

    name = "db.flow_control"
    summary = "hold a global read lock on one database server"
    bounds = "writers"

    def inject(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            deadman.run_beside(lab, node, identity(target),
                               f"mariadb -e 'FLUSH TABLES WITH READ LOCK; SELECT SLEEP({deadman.LASTS})'")

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return deadman.stop_beside(identity(target))

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        return ("mariadb -N -e \"SELECT 'lock held for', TIME, 's' FROM information_schema.PROCESSLIST "
                "WHERE INFO LIKE 'SELECT SLEEP(%'\" | grep .")

FAULT = DbFlowControl()
