"""proc.pause: a daemon stops in mid-instruction and keeps its sockets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos import processes
from chaos.evidence import UNASKED
from chaos.faults.base import BaseFault, with_params
from chaos.faults.guestbase import GuestFault
from chaos.model import Target
from chaos.processes import PROCESSES

if TYPE_CHECKING:
    from lab.lab import Lab


class ProcPause(GuestFault):
    """SIGSTOP: the kernel still completes handshakes for it, nobody answers.

    The zombie of a service; a check that only connects calls it healthy.  ``process`` as proc.kill.
    """

    name = "proc.pause"
    summary = "stop one daemon with SIGSTOP, and continue it on heal"
    bounds = "pause"
    parameters = frozenset({"process"})
    process = ""  # for a fault that always means the same one

    def validate(self, params: Mapping[str, Any]) -> None:
        BaseFault.validate(self, params)
        if not self.process:
            processes.validate(self.name, params)

    def prepare(self, lab: Lab, target: Target) -> Target:
        return with_params(target, process=self.process or target.params.get("process"))

    def fencing_follows(self, target: Target) -> bool:
        return PROCESSES[target.params["process"]].cluster

    def may_be_fenced(self, target: Target, members: tuple[str, ...]) -> tuple[str, ...]:
        """Also who runs it: Pacemaker stops what does not answer, and a stop that does not end is answered so."""
        return super().may_be_fenced(target, members) or target.nodes

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return f"pkill -STOP -x {processes.comm(target.params['process'])}"

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        # Nobody to continue is fine: whoever was stopped may have been replaced since.
        process = processes.comm(target.params["process"])
        return f"pkill -CONT -x {process}; crm_resource --cleanup >/dev/null 2>&1; true"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        """In effect while a process of that name is in state T."""
        return (f"pids=$(pgrep -x {processes.comm(target.params['process'])}) || [ $? = 1 ] || exit {UNASKED}; "
                "for pid in $pids; do ps -o pid=,stat=,comm= -p $pid; done | grep -E '^ *[0-9]+ +T'")


FAULT = ProcPause()
