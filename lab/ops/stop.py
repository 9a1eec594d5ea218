"""``lab.stop``: the whole lab powered down in order, its disks kept."""

from __future__ import annotations

import time
from dataclasses import dataclass

from lab import bmc, interrupt, state
from lab.drivers.base import PowerState
from lab.errors import DeadlineError, HalabError, RefusedError
from lab.lab import Lab
from lab.node import crm
from lab.ops.fit import refuse_unhealed
from lab.ops.hold import held
from lab.ops.order import start_order
from lab.parallel import for_each
from lab.plan import Cluster
from lab.state import Phase
from lab.state.events import Listener

DEFAULT_TIMEOUT = 120.0  # seconds for the nodes of one wave to shut down, at full speed
_POLL = 0.2  # seconds between two looks


@dataclass(frozen=True)
class StopResult:
    """``forced`` are the nodes whose power was cut because they did not shut down in time."""

    lab: str
    seconds: float
    forced: tuple[str, ...]


def stop(name: str, *, timeout: float = DEFAULT_TIMEOUT, listener: Listener | None = None) -> StopResult:
    """Shut all nodes down, dependants first; ``lab.start`` brings them back.

    RefusedError, with nothing touched, for a half-built lab, an interrupted restore and unhealed faults.
    """
    with held(name, "lab.stop", listener) as lab:
        return halt(lab, timeout=timeout)


def halt(lab: Lab, *, timeout: float = DEFAULT_TIMEOUT) -> StopResult:
    """As :func:`stop`, for a caller that holds the lab already."""
    refuse_unfinished(lab)
    begun = time.monotonic()
    state.record(lab.paths, Phase.STOPPING)
    lab.driver.prepare()  # after a reboot of the host, or the death of a libvirtd, nobody could be asked who runs
    # No BMC, no fencing: a node that leaves must not be brought back by those that have not left yet.
    bmc.stop(lab.name)
    forced: list[str] = []
    for wave in reversed(start_order(lab.plan)):
        interrupt.check("the nodes that the stopped ones depended on")
        deadline = time.monotonic() + timeout * lab.driver.slowness
        clusters = [cluster for cluster in lab.plan.clusters if cluster.name in {node.cluster for node in wave}]
        for_each(clusters, lambda cluster: _quiesce(lab, cluster, deadline))  # noqa: B023
        clean = for_each(wave, lambda node: _shut_down(lab, node.name, deadline))  # noqa: B023
        forced += [node.name for node, done in zip(wave, clean, strict=True) if not done]
    state.record(lab.paths, Phase.STOPPED)
    return StopResult(lab.name, round(time.monotonic() - begun, 2), tuple(forced))


def refuse_unfinished(lab: Lab) -> None:
    """RefusedError for a lab that is in no state to be stopped or started."""
    phase = state.recorded(lab.paths).phase
    unfinished = {Phase.BUILDING: "half-built", Phase.RESTORING: "half-restored", Phase.SCALING: "half-scaled"}
    if what := unfinished.get(phase):
        raise RefusedError(f"lab '{lab.name}' is {what}", where=str(lab.paths.state),
                           remedy=f"./inv lab.resume --name={lab.name} finishes it, "
                                  f"./inv lab.down --name={lab.name} removes it")
    refuse_unhealed(lab)


def _quiesce(lab: Lab, cluster: Cluster, deadline: float) -> None:
    """Let Pacemaker stop all that it runs while the cluster is whole: members that leave one by one lose quorum.

    By attributes that end with the node's life: after the next boot nothing remembers them.
    """
    with lab.events.step("resources", cluster.name):
        try:
            node = crm.reachable(lab, cluster)
            lab.shell.run(node, " && ".join(f"crm_standby --lifetime=reboot --update=on --node={name}"
                                            for name in cluster.nodes), timeout=20)
            while _active(lab, node):
                if time.monotonic() > deadline:
                    raise DeadlineError("resources do not stop")
                time.sleep(_POLL)
        except HalabError as error:  # a sick cluster is stopped all the same
            lab.events.emit("note", text=f"cluster {cluster.name} does not stop its resources: {error.what}")


def _active(lab: Lab, node: str) -> bool:
    """Whether Pacemaker runs anything anywhere in the cluster of ``node``."""
    return any(resource.active for resource in crm.status(lab, node).resources)


def _shut_down(lab: Lab, node: str, deadline: float) -> bool:
    """Shut one node down and take its cables; whether it did so by itself before ``deadline`` (monotonic)."""
    power = lab.driver.power
    with lab.events.step("shutdown", node):
        clean = power.state(node) is PowerState.OFF or (_ask(lab, node) and _await_off(lab, node, deadline))
        if not clean:
            lab.events.emit("note", node, text="it did not shut down; its power is cut")
        power.off(node)
        lab.shell.forget(node)
        return clean


def _ask(lab: Lab, node: str) -> bool:
    """Whether the node took the request to shut down; a frozen one does not."""
    if lab.driver.power.state(node) is PowerState.SUSPENDED:
        return False
    try:
        lab.shell.run(node, "systemctl --no-block poweroff", timeout=10)
    except HalabError:
        # Its connection may break before the answer: then it is on its way.
        return lab.driver.power.state(node) is not PowerState.SUSPENDED
    return True


def _await_off(lab: Lab, node: str, deadline: float) -> bool:
    while lab.driver.power.state(node) is not PowerState.OFF:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True
