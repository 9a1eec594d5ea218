"""db.desync: a database server falls behind on purpose, as a donor does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.evidence import UNASKED, judged
from chaos.faults.guestbase import GuestFault
from chaos.model import Target

if TYPE_CHECKING:
    from lab.lab import Lab


class DbDesync(GuestFault):
    """It still answers, and the check service must report it as not synced (R31, R32)."""

    name = "db.desync"
    summary = "desynchronise one database server"
    bounds = "backend"

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return "mariadb -e 'SET GLOBAL wsrep_desync=ON'"

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return "mariadb -e 'SET GLOBAL wsrep_desync=OFF'"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        """A server that names no state, as one without a provider, says neither yes nor no."""
        return judged("mariadb -N -e \"SHOW GLOBAL STATUS LIKE 'wsrep_local_state_comment'\"",
                      f"{{ read -r _ state; echo \"$state\"; [ -n \"$state\" ] || exit {UNASKED}; "
                      "[ \"$state\" != Synced ]; }")


FAULT = DbDesync()
