"""``lab.up``: from a plan to a lab whose gates are green.

Each step is idempotent, so a lab whose making was interrupted is finished by the same command.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lab import bmc, gates, interrupt, state
from lab.drivers import check_driver
from lab.drivers.traits import traits
from lab.errors import RefusedError
from lab.gates import GateResult
from lab.host import cgroups
from lab.image import bake
from lab.lab import Lab, read_plan
from lab.ops.order import start_order
from lab.ops.snapshot import mend, put_back
from lab.ops.start import give_power, tell_warnings, wake
from lab.parallel import for_each
from lab.plan import Node, Plan
from lab.state import Phase
from lab.state.events import EventLog, Listener
from lab.state.home import LabPaths, home

DEFAULT_TIMEOUT = 300.0  # seconds to green gates, image not counted; a loaded host needs far longer than 20 s


@dataclass(frozen=True)
class UpResult:
    """``seconds`` from the start of the lab (image ready) to green gates."""

    lab: str
    seconds: float
    gates: list[GateResult]
    resumed: bool


def bring_up(plan: Plan, topology_text: str, *, timeout: float = DEFAULT_TIMEOUT,
             listener: Listener | None = None) -> UpResult:
    """Make the lab of ``plan`` and wait until it is healthy; finishes one that was begun.

    ``timeout`` is for nodes at full speed; emulated ones get their slowness times as long.

    RefusedError before anything is touched: the name belongs to another lab, a fault is not
    healed, or the host lacks something.  DeadlineError when a gate stays red.
    """
    paths = LabPaths.of(plan.lab)
    with state.exclusive(plan.lab, "lab.up"):
        known = _known(paths, plan)
        check_driver(plan)
        state.claim(plan.lab)
        events = EventLog(paths.events)
        if listener:
            events.subscribe(listener)
        try:
            if not known:
                _refuse_if_host_lacks(plan)
            _ready_image(plan, paths, topology_text, events)
        except BaseException:
            if not paths.root.exists():  # nothing was made: the name is free again
                state.disclaim(plan.lab)
            raise
        lab = Lab(plan, paths, events)
        begun = time.monotonic()
        try:
            interrupted = state.recorded(paths)
            if interrupted.phase is Phase.RESTORING:  # some disks are those of the snapshot: no way but on
                results = put_back(lab, interrupted.snapshot, timeout=timeout).gates
                return UpResult(plan.lab, round(time.monotonic() - begun, 2), results, known)
            if interrupted.phase in (Phase.STOPPING, Phase.STOPPED, Phase.STARTING):
                results = wake(lab, timeout=timeout).gates  # a node that is still going must have gone first
                return UpResult(plan.lab, round(time.monotonic() - begun, 2), results, known)
            _make(lab)
            results = _settle(lab, begun + timeout * lab.driver.slowness, fresh=not known)
        finally:
            lab.shell.close()
        state.record(paths, Phase.RUNNING)
        return UpResult(plan.lab, round(time.monotonic() - begun, 2), results, known)


def _known(paths: LabPaths, plan: Plan) -> bool:
    """Whether this very lab exists already, whole or half-built."""
    from chaos.journal import refuse_if_unhealed

    if not paths.plan.exists():
        return False
    recorded = read_plan(paths)
    if recorded.digest != plan.digest:
        raise RefusedError(
            f"the name '{plan.lab}' is in use by another lab ({recorded.style}, {len(recorded.nodes)} nodes, "
            f"profile {recorded.profile.name})", where=str(paths.root),
            remedy=f"./inv lab.up --name=OTHER ..., or ./inv lab.down --name={plan.lab} first")
    known = state.recorded(paths)
    if known.phase is Phase.SCALING:
        raise RefusedError(
            f"lab '{plan.lab}' is in the middle of a change: cluster {known.cluster} to {known.size} members",
            where=str(paths.state),
            remedy=f"./inv lab.resume --name={plan.lab} finishes it")
    refuse_if_unhealed(paths, plan.lab)
    return True


def _refuse_if_host_lacks(plan: Plan) -> None:
    from lab.host.doctor import check_for
    from lab.net import network

    check_for(plan)
    stale = [*(f"network namespace {space.name}" for space in network.namespaces_of(plan.lab)),
             *(f"processes of {member}" for member in cgroups.members(plan.lab))]
    if stale:
        raise RefusedError(f"something of an earlier lab '{plan.lab}' is still on this host", where=", ".join(stale),
                           remedy=f"./inv lab.down --name={plan.lab} removes it")


def _ready_image(plan: Plan, paths: LabPaths, topology_text: str, events: EventLog) -> None:
    """Bake if needed, then record the lab; from here on ``lab.down`` knows it."""
    from lab.vm.ownbox import require
    from provision.image import recipe

    link = paths.root / "image"
    if link.exists():
        return
    wanted = recipe(traits(plan.driver).image, plan.services)

    def record(root: Path) -> None:
        interrupt.check("the lab's folder")
        for folder in (home(), home() / "labs", paths.root):
            folder.mkdir(mode=0o700, exist_ok=True)
        state.write_atomically(paths.topology, topology_text)
        state.write_atomically(paths.plan, plan.model_dump_json(indent=1))
        link.unlink(missing_ok=True)
        link.symlink_to(root)
        state.record(paths, Phase.BUILDING)

    with events.step("image"):
        if plan.box:
            require(plan.box, wanted.packages, use=record)
        else:
            bake(wanted, lambda line: _note(events, line), use=lambda image: record(image.root))


def _note(events: EventLog, line: str) -> None:
    events.emit("note", text=line)


def _make(lab: Lab) -> None:
    """Namespace, BMCs, nodes with their files on disk, power."""
    with lab.events.step("network"):
        lab.driver.prepare()
    mend(lab)
    interrupt.check("nodes")
    # The secrets that all nodes share are made once, before many threads ask for them.
    for name in ("root", "host"):
        lab.secrets.ssh_public(name)
    write_ssh_config(lab)
    with ThreadPoolExecutor(len(lab.plan.hosts) + 1) as pool:
        service = pool.submit(_start_bmc, lab)
        for wave in start_order(lab.plan):
            for _ in pool.map(lambda node: make_node(lab, node), wave):
                pass  # raises what the making of this node raised
        service.result()
    tell_warnings(lab)
    interrupt.check("gates")


def _start_bmc(lab: Lab) -> None:
    with lab.events.step("bmc"):
        bmc.start(lab)


def make_node(lab: Lab, node: Node) -> None:
    """Make one node unless it is there, and power it on."""
    from provision.apply import node_files

    with lab.events.step("boot", node.name):
        marker = lab.paths.node(node.name) / "created"
        if not marker.exists():
            seed = node_files(lab.plan, node, lab.secrets) if "seed" in lab.driver.capabilities else []
            lab.driver.create(node, seed)
            marker.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            marker.touch()
        give_power(lab, node.name)


def _settle(lab: Lab, deadline: float, *, fresh: bool) -> list[GateResult]:
    """SSH, files where they were not seeded, gates, and what only a running cluster can hold."""
    from provision import apply

    _each_node(lab, lambda name: lab.shell.await_ssh(name, deadline))
    if not fresh or "seed" not in lab.driver.capabilities:
        apply.apply_files(lab)
    results = gates.await_all(lab, deadline)
    with lab.events.step("clusters"):
        changes = apply.converge_all(lab)
    if any(change.kind == "cib" for change in changes):
        results = gates.await_all(lab, deadline)
    return results


def _each_node(lab: Lab, work: Callable[[str], None]) -> None:
    for_each((node.name for node in lab.plan.hosts), work)


def write_ssh_config(lab: Lab) -> None:
    """ssh_config and known_hosts of the lab; used from inside its namespace (``lab.ssh``)."""
    known = lab.paths.root / "known_hosts"
    host_key = lab.secrets.ssh_public("host")
    state.write_atomically(known, "".join(f"{node.mgmt} {host_key}\n" for node in lab.plan.hosts))
    blocks = [f"Host {node.name}\n  HostName {node.mgmt}\n" for node in lab.plan.hosts]
    # Quoted, for a home with a blank in its path.
    blocks.append(f'Host *\n  User root\n  IdentityFile "{lab.secrets.path("root.ssh")}"\n  IdentitiesOnly yes\n'
                  f'  UserKnownHostsFile "{known}"\n  StrictHostKeyChecking yes\n  LogLevel ERROR\n')
    state.write_atomically(lab.paths.ssh_config, "\n".join(blocks))
