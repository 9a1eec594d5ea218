"""db.rm_grastate: a database server loses its position and dies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos import processes
from chaos.evidence import UNASKED, judged
from chaos.faults.base import all_hold, with_params
from chaos.faults.guestbase import GuestFault
from chaos.model import Proof, Target
from daemons.galera import GRASTATE, GVWSTATE, LOG

if TYPE_CHECKING:
    from lab.lab import Lab

_SERVER = "mariadbd"
KEPT = "/run/halab-grastate.kept"  # shows that the fault acted; gone with a reboot
_NOBODY = "00000000-0000-0000-0000-000000000000"
_NOWHERE = f"Local state: {_NOBODY}:-1"  # of who asks for all data and not for what it missed


class DbRmGrastate(GuestFault):
    """Without grastate.dat it cannot say how far it was: it needs a full state transfer, and a donor."""

    name = "db.rm_grastate"
    summary = "remove one database server's saved position, and kill it"
    bounds = "process"
    shows_within = 90.0  # s until Pacemaker has found it dead and started it, and it has asked its group

    def prepare(self, lab: Lab, target: Target) -> Target:
        # Its bounds are those of a killed server, and so is its proof.
        return with_params(target, process=_SERVER, before=processes.noted(lab, target.nodes, _SERVER),
                           said={node: _length(lab, node) for node in target.nodes})

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return (f"cp -a {GRASTATE} {KEPT}; rm -f {GRASTATE}; pkill -9 -x {_SERVER}; "
                # Nor may its own log tell: recovery would find the position again.
                "rm -f " + GVWSTATE)

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        """The server that knew its position is dead, and who came after it says that it knows none.

        One that had found it elsewhere would ask for what it missed, and no full transfer would be seen.
        """
        before = target.params.get("before", {})
        return all_hold([super().took_effect(lab, target),
                         *(processes.died(lab, node, _SERVER, before.get(node, ())) for node in target.nodes)])

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return f"rm -f {KEPT}; crm_resource --cleanup >/dev/null 2>&1; true"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        since = int(target.params["said"][node]) + 1
        return judged(f"tail -c +{since} {LOG}", f"grep -F '{_NOWHERE}'")

    def remains(self, lab: Lab, node: str, target: Target) -> str:
        """Until a server runs that has written down a position again: its group's identity, which a donor gave it."""
        server = f"pids=$(pgrep -x {_SERVER}) || [ $? = 1 ] || exit {UNASKED}"
        return (f"[ -e {KEPT} ] && ls {KEPT} && exit 0; {server}; "
                f"[ -n \"$pids\" ] || {{ echo no {_SERVER} runs; exit 0; }}; "
                f"grep -E '^uuid: ' {GRASTATE} 2>/dev/null | grep -v '{_NOBODY}' && exit 1; "
                f"echo {_SERVER} runs and has saved no position")


def _length(lab: Lab, node: str) -> int:
    """Bytes in its log: what is said later counts."""
    return int(lab.shell.run(node, f"stat -c %s {LOG} || echo 0", timeout=20).stdout or 0)


FAULT = DbRmGrastate()
