"""db.flow_control: one slow member holds up the whole group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos import deadman
from chaos.evidence import judged
from chaos.faults.guestbase import GuestFault, identity
from chaos.model import Target
from chaos.probes.config import DATABASE, TABLE

if TYPE_CHECKING:
    from lab.lab import Lab


class DbFlowControl(GuestFault):
    """A lock on the probes' table holds one member's applier: its queue grows, it asks the others to wait, and nobody
    can commit.  No check sees it: every server answers, is synced and Primary.

    Not FLUSH TABLES WITH READ LOCK: that desynchronises the member first, and the others need not wait (seen).
    The applier waits for explicit table locks and does not kill their holder.
    """

    name = "db.flow_control"
    summary = "hold up one database server until the group waits for it"
    bounds = "writers"

    def inject(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            lock = f"LOCK TABLES {TABLE} READ; SELECT SLEEP({deadman.lasts(lab):.0f})"
            deadman.run_beside(lab, node, identity(target), f"mariadb {DATABASE} -e '{lock}'")

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return deadman.stop_beside(identity(target))

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        """In effect while the lock is held and what the others committed waits behind it."""
        return judged("mariadb -N -e \"SELECT 'lock held for', TIME, 's' FROM information_schema.PROCESSLIST "
                      "WHERE INFO LIKE 'SELECT SLEEP(%'; SHOW GLOBAL STATUS "
                      "WHERE Variable_name='wsrep_local_recv_queue' AND Value > 0\"", "grep -A1 lock | grep recv_queue")


FAULT = DbFlowControl()
