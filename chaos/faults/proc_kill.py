"""proc.kill: one daemon dies without a word, and its supervisor has to notice."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from chaos.faults.base import BaseFault, all_hold, power_back_on, with_params
from chaos.model import HealRank, Proof, Target
from chaos.reach import ssh_banner
from lab.choices import unknown_choice
from lab.errors import NodeError, RefusedError

if TYPE_CHECKING:
    from lab.lab import Lab

_BACK_WITHIN = 60.0  # s for a fenced node's SSH, and for the supervisor's own restart
_END = "end"  # of a whole answer
_COMM_LENGTH = 15  # the kernel keeps this much of a process name, and pgrep compares with that


@dataclass(frozen=True)
class _Daemon:
    """A process that may be killed.

    ``unit`` is the systemd unit to start when nobody else has; empty for what Pacemaker runs
    in every scope.  ``cluster`` marks a daemon whose death takes the node out of its cluster.
    """

    unit: str = ""
    cluster: bool = False


DAEMONS: dict[str, _Daemon] = {
    "mariadbd": _Daemon(),
    "haproxy": _Daemon(),
    "beam.smp": _Daemon(unit="rabbitmq-server"),
    "memcached": _Daemon(unit="memcached"),
    "corosync": _Daemon(unit="corosync pacemaker", cluster=True),
    "pacemakerd": _Daemon(unit="pacemaker"),
    "pacemaker-based": _Daemon(unit="pacemaker"),
    "pacemaker-fenced": _Daemon(unit="pacemaker"),
    "pacemaker-execd": _Daemon(unit="pacemaker"),
    "pacemaker-attrd": _Daemon(unit="pacemaker"),
    "pacemaker-schedulerd": _Daemon(unit="pacemaker"),
    "pacemaker-controld": _Daemon(unit="pacemaker"),
}


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

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        process = params.get("process")
        if process is None:
            raise RefusedError("proc.kill needs the parameter 'process'",
                               remedy="one of: " + ", ".join(sorted(DAEMONS)))
        if not isinstance(process, str) or process not in DAEMONS:
            raise unknown_choice("killable process", process, sorted(DAEMONS))

    def fencing_follows(self, target: Target) -> bool:
        return DAEMONS[target.params["process"]].cluster

    def prepare(self, lab: Lab, target: Target) -> Target:
        """Note who runs now; refuse when there is nobody to kill."""
        self.validate({"process": target.params.get("process")})
        before = {node: self._running(lab, node, target) for node in target.nodes}
        for node, found in before.items():
            if not found:
                raise RefusedError(f"no {target.params['process']} runs on {node}", where=node,
                                   remedy=f"pick a node that runs it; ./inv lab.status --name={lab.name}")
        return with_params(target, before=before)

    def inject(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            lab.shell.run(node, f"pkill -9 -x {_comm(target)}")

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        return all_hold([self._gone(lab, node, target) for node in target.nodes])

    def heal(self, lab: Lab, target: Target) -> None:
        """Let the supervisor bring it back, start what has none, and clear the failure's record.

        Without the clean-up Pacemaker's failed action would keep the lab from counting as
        healthy until its failure-timeout.
        """
        daemon = DAEMONS[target.params["process"]]
        by_cluster = not daemon.unit or (lab.plan.pacemaker == "full" and daemon.unit in _SERVICE_UNITS)
        for node in target.nodes:
            power_back_on(lab, node)
            _until(partial(ssh_banner, lab, node))
            if not by_cluster and not self._surely_running(lab, node, target):
                lab.shell.run(node, f"systemctl reset-failed {daemon.unit}; systemctl start {daemon.unit}",
                              timeout=120, check=False)
            _until(partial(self._running, lab, node, target))
            if by_cluster:
                lab.shell.run(node, "crm_resource --cleanup", timeout=60, check=False)

    def healed(self, lab: Lab, target: Target) -> Proof:
        proofs = []
        for node in target.nodes:
            try:
                now = self._running(lab, node, target)
            except NodeError as error:
                proofs.append(Proof(False, f"{node}: {error.what}"))
                continue
            proofs.append(Proof(bool(now), f"{node}: {target.params['process']} {_words(now)}"))
        return all_hold(proofs)

    def _gone(self, lab: Lab, node: str, target: Target) -> Proof:
        old = list(target.params.get("before", {}).get(node, []))
        if not old:
            return Proof(False, f"{node}: nobody noted what ran before the kill")
        try:
            now = self._running(lab, node, target)
        except NodeError as error:
            return Proof(False, f"{node}: cannot look: {error.what}")
        survivors = sorted(set(old) & set(now))
        process = target.params["process"]
        if survivors:
            return Proof(False, f"{node}: {process} survived, {_words(survivors)}")
        return Proof(True, f"{node}: {process} was {_words(old)}, now {_words(now)}")

    @staticmethod
    def _running(lab: Lab, node: str, target: Target) -> list[str]:
        """``pid:starttime`` of each process of the target's name, starttime in clock ticks (proc(5)).

        NodeError unless the answer is whole.
        """
        # pgrep ends with 1 when there is none, and with more when it could not look.
        looked = lab.shell.run(node, f"pids=$(pgrep -x {_comm(target)}) || [ $? = 1 ] || exit 1; for pid in $pids; do "
                                     'echo "$pid:$(cut -d" " -f22 /proc/$pid/stat 2>/dev/null)"; done; '
                                     f"echo {_END}", check=False)
        words = looked.stdout.split()
        if not looked.ok or words[-1:] != [_END]:
            # Silence is no proof: a broken connection would make every process look dead.
            raise NodeError(f"{node} did not say which processes run", where=looked.stderr.strip()[-100:])
        # No start time: it ended between the two looks.
        return sorted(word for word in words[:-1] if not word.endswith(":"))

    def _surely_running(self, lab: Lab, node: str, target: Target) -> bool:
        try:
            return bool(self._running(lab, node, target))
        except NodeError:
            return False


_SERVICE_UNITS = frozenset({"rabbitmq-server", "memcached"})


def _comm(target: Target) -> str:
    return shlex.quote(str(target.params["process"])[:_COMM_LENGTH])


def _words(identities: list[str]) -> str:
    return "not running" if not identities else "PID " + ", ".join(one.split(":")[0] for one in identities)


def _until(holds: Callable[[], object], within: float = _BACK_WITHIN) -> None:
    """Wait, not for ever: whether it came is for ``healed`` to say."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        try:
            if holds():
                return
        except NodeError:
            pass  # a node on its way back cannot be asked yet; the deadline ends the asking
        time.sleep(0.3)


FAULT = ProcKill()
