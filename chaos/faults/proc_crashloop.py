"""proc.crashloop: a daemon dies again as soon as it is back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos import deadman, processes
from chaos.faults.guestbase import GuestFault, identity
from chaos.model import Target

if TYPE_CHECKING:
    from lab.lab import Lab


class ProcCrashloop(GuestFault):
    """SIGKILL to every process of one name, twice a second, until healed.

    A supervisor that restarts for ever and one that gives up look alike for the first minute.
    """

    name = "proc.crashloop"
    summary = "kill -9 one daemon again and again"
    bounds = "undecided"
    parameters = frozenset({"process"})

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        processes.validate(self.name, params)

    def inject(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            deadman.run_beside(lab, node, identity(target),
                               f"while :; do pkill -9 -x {processes.comm(target.params['process'])}; sleep 0.5; done")

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        process = target.params["process"]
        unit = processes.PROCESSES[process].unit
        start = "" if processes.by_pacemaker(lab, process) else f"systemctl start {unit}; "
        # Whoever starts it: systemd refuses while it counts the loop's starts.
        stop = deadman.stop_beside(identity(target))
        return f"{stop}; systemctl reset-failed; {start}crm_resource --cleanup >/dev/null 2>&1; true"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        return deadman.runs_beside(identity(target))


FAULT = ProcCrashloop()
