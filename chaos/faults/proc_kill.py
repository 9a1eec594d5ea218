"""proc.kill: one daemon dies without a word, and its supervisor has to notice."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from chaos import processes
from chaos.faults.base import BaseFault, all_hold, power_back_on, with_params
from chaos.model import HealRank, Proof, Target
from chaos.processes import PROCESSES
from chaos.reach import ssh_banner
from lab.errors import NodeError
from lab.parallel import for_each

if TYPE_CHECKING:
    from lab.lab import Lab

_BACK_WITHIN = 60.0  # s for a fenced node's SSH, and for the supervisor's own restart


class ProcKill(BaseFault):
    """SIGKILL to every process of one name on the node.

    A process is identified by PID and start time, so that neither a reused PID nor a quick
    restart can be mistaken for the old one.
    """

    name = "proc.kill"
    summary = "kill -9 one daemon"
    needs = frozenset({"shell"})
    rank = HealRank.SERVICE
    wants_fencing = False
    bounds = "process"
    parameters = frozenset({"process"})
    process = ""  # for a fault that always means the same one

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        if not self.process:
            processes.validate(self.name, params)

    def fencing_follows(self, target: Target) -> bool:
        return PROCESSES[target.params["process"]].cluster

    def may_be_fenced(self, target: Target, members: tuple[str, ...]) -> tuple[str, ...]:
        """Also who loses a daemon of Pacemaker's: its controller follows, and its peers miss it."""
        lost = super().may_be_fenced(target, members)
        return lost or (target.nodes if PROCESSES[target.params["process"]].unit == "pacemaker" else ())

    def prepare(self, lab: Lab, target: Target) -> Target:
        """Note who runs now; refuse when there is nobody to kill."""
        if self.process:
            target = with_params(target, process=self.process)
        processes.validate(self.name, target.params)
        before = processes.noted(lab, target.nodes, str(target.params["process"]))
        return with_params(target, before=before)

    def inject(self, lab: Lab, target: Target) -> None:
        # All at once: one by one the first is restarted, or has joined the rest, before the last dies.
        kill = f"pkill -9 -x {processes.comm(target.params['process'])}"
        for_each(target.nodes, lambda node: lab.shell.run(node, kill))

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        process, before = str(target.params["process"]), target.params.get("before", {})
        return all_hold([processes.died(lab, node, process, before.get(node, ())) for node in target.nodes])

    def heal(self, lab: Lab, target: Target) -> str | None:
        """Give the supervisor its time to bring it back, start what it does not, and clear the failure's record.

        Without the clean-up Pacemaker's failed action would keep the lab from counting as
        healthy until its failure-timeout.
        """
        daemon = PROCESSES[target.params["process"]]
        by_cluster = processes.by_pacemaker(lab, target.params["process"])
        within, helped = _BACK_WITHIN * lab.driver.slowness, []
        for node in target.nodes:
            power_back_on(lab, node)
            _until(partial(ssh_banner, lab, node), within)
            back = _until(partial(self._running, lab, node, target), within)
            if not back and not by_cluster:
                helped.append(node)
                lab.shell.run(node, f"systemctl reset-failed {daemon.unit}; systemctl start {daemon.unit}",
                              timeout=120, check=False)
                _until(partial(self._running, lab, node, target), within)
            if by_cluster:
                lab.shell.run(node, "crm_resource --cleanup", timeout=60, check=False)
        if not helped:
            return None
        return f"nobody brought {target.params['process']} back on {', '.join(helped)} within {within:.0f} s"

    def healed(self, lab: Lab, target: Target) -> Proof:
        proofs = []
        for node in target.nodes:
            try:
                now = self._running(lab, node, target)
            except NodeError as error:
                proofs.append(Proof(False, f"{node}: {error.what}"))
                continue
            proofs.append(Proof(bool(now), f"{node}: {target.params['process']} {processes.in_words(now)}"))
        return all_hold(proofs)

    @staticmethod
    def _running(lab: Lab, node: str, target: Target) -> list[str]:
        return processes.running(lab, node, str(target.params["process"]))


def _until(holds: Callable[[], object], within: float) -> bool:
    """Wait, not for ever; whether it came.  What is wrong in the end is for ``healed`` to say."""
    end = time.monotonic() + within
    while True:
        try:
            if holds():
                return True
        except NodeError:
            pass  # a node on its way back cannot be asked yet; the deadline ends the asking
        if time.monotonic() > end:
            return False
        time.sleep(0.3)


FAULT = ProcKill()
