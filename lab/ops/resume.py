"""``lab.resume``: finish what was interrupted, whatever it was, and say what that is."""

from __future__ import annotations

import time
from dataclasses import dataclass

from lab import gates, state
from lab.drivers.base import PowerState
from lab.errors import HostError
from lab.gates import GateResult
from lab.lab import Lab
from lab.ops.hold import held
from lab.ops.scale import scale
from lab.ops.snapshot import put_back, unfinished
from lab.ops.start import wake
from lab.ops.stop import halt
from lab.ops.up import bring_up
from lab.state import Phase
from lab.state.events import Listener

DEFAULT_TIMEOUT = 300.0  # seconds to green gates, for nodes at full speed


@dataclass(frozen=True)
class ResumeResult:
    """``found`` is what the lab was in the middle of; ``gates`` is empty when that was a stop."""

    lab: str
    found: str
    seconds: float
    gates: list[GateResult]


def resume(name: str, *, timeout: float = DEFAULT_TIMEOUT, listener: Listener | None = None) -> ResumeResult:
    """Go on from the recorded phase: build, stop, start or restore to the end; start what lost its power.

    NotFoundError if nothing is recorded, RefusedError for unhealed faults, DeadlineError for a red gate.
    """
    begun = time.monotonic()
    lab = Lab.open(name)
    found = describe(lab)
    if listener:
        lab.events.subscribe(listener)
    lab.events.emit("note", text=f"lab '{name}': {found}")
    results = _go_on(lab, timeout, listener)
    return ResumeResult(name, found, round(time.monotonic() - begun, 2), results)


def describe(lab: Lab) -> str:
    """In words, where ``resume`` would go on from."""
    recorded = state.recorded(lab.paths)
    match recorded.phase:
        case Phase.BUILDING:
            return "its making was not finished"
        case Phase.STOPPING:
            return "its stop was not finished"
        case Phase.STOPPED:
            return "it was stopped"
        case Phase.STARTING:
            return "its start was not finished"
        case Phase.RESTORING:
            return f"the restore of '{recorded.snapshot}' was not finished"
        case Phase.SCALING:
            return f"cluster {recorded.cluster} was on its way to {recorded.size} members"
        case Phase.RUNNING:
            words = [f"the saving or deleting of snapshot '{name}' was not finished" for name in unfinished(lab.paths)]
            return "; ".join([*words, *_dark(lab)]) or "nothing was interrupted"


def _dark(lab: Lab) -> list[str]:
    """Which nodes do not run, in words, if any."""
    try:
        dark = [host.name for host in lab.plan.hosts if lab.driver.power.state(host.name) is not PowerState.ON]
    except HostError as error:  # their libvirtd died, say; it is started before anything is done
        return [f"nobody knows which nodes run: {error.what}"]
    return [f"not running: {', '.join(dark)}"] if dark else []


def _go_on(lab: Lab, timeout: float, listener: Listener | None) -> list[GateResult]:
    recorded = state.recorded(lab.paths)
    if recorded.phase is Phase.BUILDING:
        text = lab.paths.topology.read_text()
        return bring_up(lab.plan, text, timeout=timeout, listener=listener).gates
    if recorded.phase is Phase.SCALING:
        scale(lab.name, recorded.cluster, recorded.size, timeout=timeout, listener=listener)
        return gates.check_all(Lab.open(lab.name))
    with held(lab.name, "lab.resume", listener) as mine:
        recorded = state.recorded(mine.paths)  # again, now that nobody else can change it
        if recorded.phase is Phase.STOPPING:
            halt(mine)
            return []
        if recorded.phase is Phase.RESTORING:
            return put_back(mine, recorded.snapshot, timeout=timeout).gates
        return wake(mine, timeout=timeout).gates
