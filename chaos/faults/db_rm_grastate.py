"""db.rm_grastate: a database server loses its position and dies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos import processes
from chaos.faults.base import all_hold, with_params
from chaos.faults.guestbase import GuestFault
from chaos.model import Proof, Target
from daemons.galera import GRASTATE, GVWSTATE

if TYPE_CHECKING:
    from lab.lab import Lab

_SERVER = "mariadbd"
KEPT = "/run/halab-grastate.kept"  # shows that the fault acted; gone with a reboot


class DbRmGrastate(GuestFault):
    """Without grastate.dat it cannot say how far it was: it needs a full state transfer, and a donor."""

    name = "db.rm_grastate"
    summary = "remove one database server's saved position, and kill it"
    bounds = "process"

    def prepare(self, lab: Lab, target: Target) -> Target:
        # Its bounds are those of a killed server, and so is its proof.
        return with_params(target, process=_SERVER, before=processes.noted(lab, target.nodes, _SERVER))

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return (f"cp -a {GRASTATE} {KEPT}; rm -f {GRASTATE}; pkill -9 -x {_SERVER}; "
                # Nor may its own log tell: recovery would find the position again.
                "rm -f " + GVWSTATE)

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        """The position is away, and the server that knew it is dead."""
        before = target.params.get("before", {})
        return all_hold([super().took_effect(lab, target),
                         *(processes.died(lab, node, _SERVER, before.get(node, ())) for node in target.nodes)])

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return f"rm -f {KEPT}; crm_resource --cleanup >/dev/null 2>&1; true"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        return f"[ -e {KEPT} ] && ls {KEPT}"

FAULT = DbRmGrastate()
