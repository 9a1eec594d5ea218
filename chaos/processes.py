"""The processes of a node that a fault may aim at, and who brings each one back."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chaos.model import Proof
from daemons.services import SERVICES, Service
from lab.choices import unknown_choice
from lab.errors import NodeError, RefusedError

if TYPE_CHECKING:
    from lab.lab import Lab

_END = "end"  # of a whole answer
_COMM_LENGTH = 15  # the kernel keeps this much of a process name, and pgrep compares with that


@dataclass(frozen=True)
class Process:
    """A process that may be aimed at.

    ``unit`` is the systemd unit to start when nobody else has; empty for what Pacemaker runs
    in every scope.  ``service`` is the service that it is, if it is one.  ``cluster`` marks a daemon whose
    death takes the node out of its cluster.
    """

    unit: str = ""
    service: Service | None = None
    cluster: bool = False


PROCESSES: dict[str, Process] = {
    # Galera and HAProxy are Pacemaker's in every scope.
    **{SERVICES[service].process: Process("", service) for service in ("galera", "haproxy")},
    **{SERVICES[service].process: Process(SERVICES[service].unit, service)
       for service in ("rabbitmq", "memcached", "keystone")},
    "corosync": Process(unit="corosync pacemaker", cluster=True),
    "pacemakerd": Process(unit="pacemaker"),
    "pacemaker-based": Process(unit="pacemaker"),
    "pacemaker-fenced": Process(unit="pacemaker"),
    "pacemaker-execd": Process(unit="pacemaker"),
    "pacemaker-attrd": Process(unit="pacemaker"),
    "pacemaker-schedulerd": Process(unit="pacemaker"),
    "pacemaker-controld": Process(unit="pacemaker"),
}


def validate(fault: str, params: Mapping[str, Any]) -> None:
    """Refuse a parameter ``process`` that is missing or none of ``PROCESSES``."""
    process = params.get("process")
    if process is None:
        raise RefusedError(f"{fault} needs the parameter 'process'", remedy="one of: " + ", ".join(sorted(PROCESSES)))
    if not isinstance(process, str) or process not in PROCESSES:
        raise unknown_choice("killable process" if fault == "proc.kill" else "process", process, sorted(PROCESSES))


def by_pacemaker(lab: Lab, process: str) -> bool:
    """Whether Pacemaker brings it back in this lab; otherwise systemd does."""
    aimed = PROCESSES[process]
    return not aimed.unit or (aimed.service is not None and lab.plan.in_pacemaker(aimed.service))


def comm(process: str) -> str:
    """The name as pgrep and pkill want it with -x, quoted for a shell."""
    return shlex.quote(process[:_COMM_LENGTH])


def running(lab: Lab, node: str, process: str) -> list[str]:
    """``pid:starttime`` of each process of that name, starttime in clock ticks (proc(5)).

    NodeError unless the answer is whole: silence is no proof, and a broken connection would make
    every process look dead.
    """
    # pgrep ends with 1 when there is none, and with more when it could not look.
    looked = lab.shell.run(node, f"pids=$(pgrep -x {comm(process)}) || [ $? = 1 ] || exit 1; for pid in $pids; do "
                                 'echo "$pid:$(cut -d" " -f22 /proc/$pid/stat 2>/dev/null)"; done; '
                                 f"echo {_END}", check=False)
    words = looked.stdout.split()
    if not looked.ok or words[-1:] != [_END]:
        raise NodeError(f"{node} did not say which processes run", where=looked.stderr.strip()[-100:],
                        remedy=f"./inv lab.status --name={lab.name}")
    # No start time: it ended between the two looks.
    return sorted(word for word in words[:-1] if not word.endswith(":"))


def noted(lab: Lab, nodes: Iterable[str], process: str) -> dict[str, list[str]]:
    """Who of that name runs on each node (:func:`running`); RefusedError where there is nobody to kill."""
    found = {node: running(lab, node, process) for node in nodes}
    for node, now in found.items():
        if not now:
            raise RefusedError(f"no {process} runs on {node}", where=node,
                               remedy=f"pick a node that runs it; ./inv lab.status --name={lab.name}")
    return found


def died(lab: Lab, node: str, process: str, before: Iterable[str]) -> Proof:
    """Whether none of those that ran ``before`` (:func:`noted`) runs any more."""
    old = list(before)
    if not old:
        return Proof(False, f"{node}: nobody noted what ran before the kill")
    try:
        now = running(lab, node, process)
    except NodeError as error:
        return Proof(False, f"{node}: cannot look: {error.what}")
    survivors = sorted(set(old) & set(now))
    if survivors:
        return Proof(False, f"{node}: {process} survived, {in_words(survivors)}")
    return Proof(True, f"{node}: {process} was {in_words(old)}, now {in_words(now)}")


def in_words(identities: list[str]) -> str:
    return "not running" if not identities else "PID " + ", ".join(one.split(":")[0] for one in identities)
