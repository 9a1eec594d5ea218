"""db.flow_control: one slow member holds up the whole group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos import deadman
from chaos.evidence import UNASKED, judged
from chaos.faults.base import all_hold
from chaos.faults.guestbase import GuestFault, identity
from chaos.model import Proof, Target
from chaos.probes.config import DATABASE, TABLE

if TYPE_CHECKING:
    from lab.lab import Lab

_BETWEEN = 0.5  # s between two looks at the members that wait


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

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        """The lock is held, and another member is kept from sending what its clients commit."""
        return all_hold([super().took_effect(lab, target), *(self._waits(lab, node) for node in target.nodes)])

    def _waits(self, lab: Lab, node: str) -> Proof:
        """A queue alone is no wait: the others go on until it is as long as the group allows."""
        looks: list[Proof] = []
        for other in (one.name for one in lab.plan.running("galera") if one.name != node):
            looks.append(self._look(lab, other, _PAUSED, wanted=True))
            if looks[-1].ok:
                return looks[-1]
        return all_hold(looks)

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        """The lock is held; that alone is what is left to undo."""
        return judged("mariadb -N -e \"SELECT 'lock held for', TIME, 's' FROM information_schema.PROCESSLIST "
                      "WHERE INFO LIKE 'SELECT SLEEP(%'\"", "grep lock")


# wsrep_flow_control_paused_ns counts on while the member is kept from sending, also before the pause has ended.
_NS = "SHOW GLOBAL STATUS LIKE 'wsrep_flow_control_paused_ns'"
_READ = f'$(mariadb -N -e "{_NS}")'
_PAUSED = (f"before={_READ} && sleep {_BETWEEN} && after={_READ} || exit {UNASKED}; "
           "more=$(( (${after##*[!0-9]} - ${before##*[!0-9]}) / 1000000 )); "
           f"echo \"paused for $more ms of {_BETWEEN} s\"; [ $more -gt 0 ]")


FAULT = DbFlowControl()
