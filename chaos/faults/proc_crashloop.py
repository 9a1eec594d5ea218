"""proc.crashloop: a daemon dies again as soon as it is back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos import deadman, processes
from chaos.faults.base import all_hold, with_params
from chaos.faults.guestbase import GuestFault, identity
from chaos.model import Proof, Target

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

    def prepare(self, lab: Lab, target: Target) -> Target:
        """Note who runs now; refuse when there is nobody to kill."""
        return with_params(target, before=processes.noted(lab, target.nodes, target.params["process"]))

    def fencing_follows(self, target: Target) -> bool:
        return processes.PROCESSES[target.params["process"]].cluster

    def may_be_fenced(self, target: Target, members: tuple[str, ...]) -> tuple[str, ...]:
        """As for one kill (proc.kill)."""
        lost = super().may_be_fenced(target, members)
        return lost or (target.nodes if processes.PROCESSES[target.params["process"]].unit == "pacemaker" else ())

    def inject(self, lab: Lab, target: Target) -> None:
        # pkill ends with 1 when there is nobody, as before each new start, and with more when it could not kill.
        kill = f"pkill -9 -x {processes.comm(target.params['process'])} || [ $? = 1 ] || exit 1"
        for node in target.nodes:
            # The loop's own end is not enough: systemd has given the unit up by then.
            deadman.arm(lab, node, identity(target), self.armed(lab, node, target))
            deadman.run_beside(lab, node, identity(target), f"while :; do {kill}; sleep 0.5; done")

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        """The loop runs, and those who ran before it are dead."""
        process, before = target.params["process"], target.params.get("before", {})
        return all_hold([super().took_effect(lab, target),
                         *(processes.died(lab, node, process, before.get(node, ())) for node in target.nodes)])

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
