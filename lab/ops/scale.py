"""``lab.scale``: members join or leave one cluster of a running lab, and nothing else changes.

Each step is recorded before it is made and idempotent, so a change that was interrupted is finished
by the same command.  New databases, and instances of the API, are in maintenance at the proxies until they were
tried (R27).
"""

from __future__ import annotations

import hashlib
import shutil
import time
from dataclasses import dataclass

from daemons.services import PROXIED
from lab import bmc, gates, interrupt, state
from lab.drivers.base import PowerState
from lab.errors import DeadlineError, NodeError, RefusedError
from lab.lab import Lab, read_plan
from lab.node import crm
from lab.ops.fit import refuse_unhealed, refuse_unhealthy
from lab.ops.hold import held
from lab.ops.order import start_order
from lab.ops.start import give_power
from lab.parallel import for_each
from lab.plan import Cluster, Node, Plan
from lab.plan.layouts import needed_disk_mb, needed_memory_mb
from lab.plan.resize import next_size, resized
from lab.state import Phase
from lab.state.events import Listener

DEFAULT_TIMEOUT = 300.0  # seconds for the gates of one step
_POLL = 0.5  # seconds between two looks


@dataclass(frozen=True)
class FileChange:
    """One file of a node: the first digits of its sha256 ``before`` and ``after``, empty where it was not there."""

    path: str
    before: str
    after: str


@dataclass(frozen=True)
class NodeFiles:
    """One node's files as they were on its disk before and after; ``unchanged`` counts the rest.

    ``before`` and ``after`` are one digest over all of them, empty for a node that was not there.
    """

    node: str
    cluster: str
    before: str
    after: str
    unchanged: int
    changes: tuple[FileChange, ...]


@dataclass(frozen=True)
class ScaleResult:
    """``seconds``: wall time of the whole change; ``nodes``: what it did to every node's files."""

    lab: str
    cluster: str
    before: int
    after: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    seconds: float
    warnings: tuple[str, ...]
    nodes: tuple[NodeFiles, ...]


def scale(name: str, cluster: str, size: int, *, timeout: float = DEFAULT_TIMEOUT,
          listener: Listener | None = None) -> ScaleResult:
    """Bring ``cluster`` of the lab to ``size`` members; finishes a change that was interrupted.

    RefusedError before anything is touched: a size that no cluster should have, a fault that is not
    healed, a gate that is red, or a host without the memory.  ``timeout`` in seconds for each step's gates.
    """
    begun = time.monotonic()
    with held(name, "lab.scale", listener) as lab:
        old, paths, events = lab.plan, lab.paths, lab.events
        going_on = _refuse_unfit(lab, resized(old, cluster, size), cluster, size)
        if going_on:
            with events.step("network"):
                lab.driver.prepare()  # after a reboot of the host nobody could be asked who runs
            if not _running(lab):
                _light(lab, timeout)
        before = _files(lab)
        state.record(paths, Phase.SCALING, cluster=cluster, size=size)
        if going_on and size >= len(old.cluster(cluster).nodes):
            # Whoever is in the plan comes in first, or too many at once would ask for a majority.
            _enter(lab, cluster, timeout)
        while len((now := read_plan(paths)).cluster(cluster).nodes) != size:
            to = next_size(len(now.cluster(cluster).nodes), size)
            step = resized(now, cluster, to, passing=to != size)
            interrupt.check(f"{cluster} with {len(step.cluster(cluster).nodes)} members")
            if len(step.nodes) > len(now.nodes):
                _grow(Lab(now, paths, events), step, cluster, timeout)
            else:
                _shrink(Lab(now, paths, events), step, cluster, timeout)
        state.record(paths, Phase.RUNNING)
        new = Lab(read_plan(paths), paths, events)
        after = _files(new)
        new.shell.close()
        return ScaleResult(
            name, cluster, len(old.cluster(cluster).nodes), size,
            tuple(node.name for node in new.plan.nodes if node not in old.nodes),
            tuple(node.name for node in old.nodes if node not in new.plan.nodes),
            round(time.monotonic() - begun, 2), new.plan.warnings, _compared(old, new.plan, before, after))


def _refuse_unfit(lab: Lab, wanted: Plan, cluster: str, size: int) -> bool:
    """RefusedError when the lab cannot be scaled now; whether an earlier change goes on."""
    from lab.host.doctor import check_for

    known = state.recorded(lab.paths)
    refuse_unhealed(lab)
    if known.phase is Phase.SCALING:
        if (known.cluster, known.size) != (cluster, size):
            raise RefusedError(
                f"lab '{lab.name}' is in the middle of another change: {known.cluster} to {known.size} members",
                where=str(lab.paths.state), remedy=f"./inv lab.resume --name={lab.name} finishes it")
        return True
    if known.phase is not Phase.RUNNING:
        raise RefusedError(f"lab '{lab.name}' is {known.phase}, not running", where=str(lab.paths.state),
                           remedy=f"./inv lab.resume --name={lab.name}")
    refuse_unhealthy(lab, "and members come and go in a healthy one only")
    if added := [node for node in wanted.nodes if node not in lab.plan.nodes]:
        check_for(wanted.model_copy(update={"memory_mb": needed_memory_mb(wanted.driver, added),
                                            "disk_mb": needed_disk_mb(wanted.driver, added, image=False)}),
                  new_hosts=len(added))
    return False


def _light(lab: Lab, timeout: float) -> None:
    """Power for a prepared lab that lost all of it in the middle of a change, as by a reboot of the host."""
    deadline = time.monotonic() + timeout * lab.driver.slowness
    with lab.events.step("bmc"):
        bmc.start(lab)
    for wave in start_order(lab.plan):
        interrupt.check("power")
        for_each([node for node in wave if (lab.paths.node(node.name) / "created").exists()],
                 lambda node: give_power(lab, node.name))
    for node in _running(lab):
        lab.shell.await_ssh(node.name, deadline)
    for one in lab.plan.clusters:
        while not _has_pacemaker(lab, one):
            if time.monotonic() > deadline:
                raise DeadlineError(f"Pacemaker does not answer in cluster {one.name}",
                                    remedy=f"./inv lab.logs --unit=pacemaker --name={lab.name}")
            interrupt.wait(_POLL)


def _has_pacemaker(lab: Lab, cluster: Cluster) -> bool:
    try:
        crm.status(lab, crm.reachable(lab, cluster))
    except NodeError:
        return False
    return True


def _grow(lab: Lab, step: Plan, cluster: str, timeout: float) -> None:
    known = {node.name for node in lab.plan.nodes}
    added = [node for node in step.nodes if node.name not in known]
    untried = tuple(node.name for node in added if set(PROXIED) & set(node.services))
    new = _record(lab, step.model_copy(update={"maintenance": untried}))
    _enter(new, cluster, timeout)


def _enter(lab: Lab, name: str, timeout: float) -> None:
    """Make one cluster what the plan says, and put into service what was held in maintenance."""
    from provision import membership
    from provision.apply import converge_all

    plan, events = lab.plan, lab.events
    cluster, members = plan.cluster(name), plan.members(name)
    deadline = time.monotonic() + timeout * lab.driver.slowness
    with events.step("network"):
        for stranger in _strangers(lab):
            lab.driver.destroy(stranger)
            shutil.rmtree(lab.paths.node(stranger), ignore_errors=True)
        lab.driver.prepare()
        _restart_bmc(lab)
    running = _running(lab)
    for node in running:
        lab.shell.await_ssh(node.name, deadline)
    with events.step("files"):
        membership.spread(lab, running)
    with events.step("members"):
        membership.forget_strangers(lab, cluster)
        membership.adopt_cib(lab, cluster)
    _make_missing(lab, members)
    for node in members:
        lab.shell.await_ssh(node.name, deadline)
    gates.await_all(lab, deadline)
    if "rabbitmq" in cluster.services:
        with events.step("queues"):
            membership.grow_queues(lab, [node for node in members if node.late])
    for untried in plan.maintenance:
        with events.step("try", untried):
            if "galera" in plan.node(untried).services:
                membership.try_database(lab, plan.node(untried))
            if "keystone" in plan.node(untried).services:
                membership.try_api(lab, plan.node(untried))
            membership.set_server(lab, untried, "ready")
    served = _record(lab, plan.model_copy(update={"maintenance": ()}))
    with events.step("files"):
        # Not read again: the running proxies have been told the same already.
        membership.spread(served, served.plan.running("haproxy"), reload=False)
    gates.await_all(served, deadline)
    converge_all(served)
    lab.shell.close()
    served.shell.close()


def _strangers(lab: Lab) -> list[str]:
    """Nodes that have a folder and are not in the plan: what a change that broke off left."""
    known = {node.name for node in lab.plan.hosts}
    return sorted(folder.name for folder in lab.paths.node("x").parent.glob("*") if folder.name not in known)


def _make_missing(lab: Lab, members: tuple[Node, ...]) -> None:
    from lab.ops.up import make_node, write_ssh_config

    write_ssh_config(lab)
    missing = [node for node in members
               if node.late and lab.driver.power.state(node.name) is PowerState.OFF]
    for_each(missing, lambda node: make_node(lab, node))


def _shrink(lab: Lab, step: Plan, cluster: str, timeout: float) -> None:
    """One member leaves: out of the proxies, out of its cluster, off, forgotten, gone."""
    from provision import membership

    going = [node for node in lab.plan.nodes if node not in step.nodes]
    for node in going:
        with lab.events.step("leave", node.name):
            if set(PROXIED) & set(node.services):
                membership.set_server(lab, node.name, "maint")
            membership.leave(lab, node.name)
            lab.driver.power.off(node.name)
    lab.shell.close()
    _enter(_record(lab, step), cluster, timeout)


def _record(lab: Lab, plan: Plan) -> Lab:
    """Write the plan down before it is carried out; the lab as it is meant to be from now on."""
    state.write_atomically(lab.paths.plan, plan.model_dump_json(indent=1))
    return Lab(plan, lab.paths, lab.events)


def _restart_bmc(lab: Lab) -> None:
    """The service has one process for each node that it knew when it was started."""
    bmc.stop(lab.name)
    bmc.start(lab)


def _running(lab: Lab) -> list[Node]:
    return [node for node in lab.plan.nodes if lab.driver.power.state(node.name) is not PowerState.OFF]


def _files(lab: Lab) -> dict[str, dict[str, str]]:
    """Digest of each file of each running node, as it is on the node's disk."""
    from provision import push
    from provision.apply import node_files

    def ask(node: Node) -> dict[str, str]:
        files = [file for file in node_files(lab.plan, node, lab.secrets) if not file.initial]
        return push.digests(lab, node.name, files)

    nodes = _running(lab)
    return dict(zip((node.name for node in nodes), for_each(nodes, ask), strict=True))


def _compared(old: Plan, new: Plan, before: dict[str, dict[str, str]],
              after: dict[str, dict[str, str]]) -> tuple[NodeFiles, ...]:
    nodes = {node.name: node for node in (*old.nodes, *new.nodes)}
    found = []
    for name, node in sorted(nodes.items(), key=lambda item: item[1].index):
        was, now = before.get(name, {}), after.get(name, {})
        changes = tuple(FileChange(path, was.get(path, "")[:12], now.get(path, "")[:12])
                        for path in sorted(was.keys() | now.keys()) if was.get(path) != now.get(path))
        both = len(was.keys() | now.keys()) - len(changes)
        found.append(NodeFiles(name, node.cluster, _whole(was), _whole(now), both, changes if was and now else ()))
    return tuple(found)


def _whole(files: dict[str, str]) -> str:
    lines = "".join(f"{digest}  {path}\n" for path, digest in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:12] if files else ""
