"""The container driver: each node is a booted systemd in systemd-nspawn.

A node has an overlay on the baked image, a cgroup of its own, and a network namespace for
each life.  A power cut is: cables down, thaw, SIGKILL to its init; so no FIN, no RST and no
goodbye leaves it, as with a real machine.  What is needed to take a lab down is found by its
name (cgroups, namespaces, mounts), never from a file.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from lab.drivers import firmware, switch
from lab.drivers.base import Disks, PowerState, Snapshots
from lab.drivers.container_snapshots import ContainerSnapshots
from lab.drivers.traits import traits
from lab.errors import DeadlineError
from lab.host import cgroups, kernel, leftovers, overlay
from lab.host.blockdevice import disk_of
from lab.host.cgroups import Cgroup
from lab.host.process import detached, run
from lab.image import image_root
from lab.net import network
from lab.node.files import File
from lab.plan import NetworkName, Node, Plan
from lab.state.events import EventLog
from lab.state.home import LabPaths
from lab.vm import hypervisor

# On every host; what this one can besides is found out (ContainerDriver.capabilities).
CAPABILITIES = frozenset({"poweroff", "suspend", "netfilter", "shell", "seed", "snapshot"})
# What corosync (real-time, locked memory) and the network faults need beyond nspawn's own set.
_GUEST_CAPABILITIES = "CAP_NET_ADMIN,CAP_NET_RAW,CAP_SYS_NICE,CAP_IPC_LOCK"
_START_WITHIN = 60.0  # seconds; 0.1 on an idle host, and much more on one with other work


class ContainerPower:
    """Hard power over the containers of one lab."""

    def __init__(self, plan: Plan, paths: LabPaths, events: EventLog) -> None:
        self._plan = plan
        self._paths = paths
        self._events = events

    def state(self, node: str) -> PowerState:
        group = Cgroup(self._plan.lab, node)
        if group.leader() is None:
            return PowerState.OFF
        return PowerState.SUSPENDED if group.frozen() else PowerState.ON

    def on(self, node: str) -> None:
        with switch.in_hand(self._paths, node):
            self._on(node)

    def _on(self, node: str) -> None:
        if self.state(node) is not PowerState.OFF:
            return
        group = Cgroup(self._plan.lab, node)
        group.kill()  # a supervisor of the last life may linger, and holds locks on the tree
        # On v2 a group whose children were given controllers, as nspawn does, takes no process again.
        group.remove()
        group.create(real_time=1 / len(self._plan.hosts))
        root = overlay.mount(self._plan.lab, self._paths.node(node), image_root(self._paths))
        guest = network.plug(self._plan, self._plan.node(node))
        nspawn = [
            "systemd-nspawn", "--quiet", f"--directory={root}", f"--machine=halab-{self._plan.lab}-{node}",
            f"--hostname={node}", "--boot", "--keep-unit", "--register=no",
            f"--network-namespace-path={guest.path}", f"--capability={_GUEST_CAPABILITIES}",
            "--console=read-only", "--kill-signal=SIGRTMIN+3", "--resolv-conf=off", "--timezone=off",
            "--link-journal=no",
        ]
        console = self._paths.node(node) / "console.log"
        life = secrets.token_hex(4)
        firmware.life_file(self._paths, node).write_text(life)
        watched = firmware.watched(self._plan.lab, self._paths, node, life, self._plan.profile.bmc.post,
                                   group.command(nspawn))
        # Detached: the supervisor belongs to init, not to the command that started it.
        run(detached(watched, console), cwd=Path(__file__).resolve().parents[2],
            # Makes /proc/sys/net writable in the guest: HAProxy needs ip_nonlocal_bind.
            env={"SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"}, timeout=10)
        self._await_leader(group)
        self._events.emit("power.on", node)

    def _await_leader(self, group: Cgroup) -> None:
        deadline = time.monotonic() + _START_WITHIN
        while group.leader() is None:
            if time.monotonic() > deadline:
                log = self._paths.node(group.member) / "console.log"
                last = log.read_text(errors="replace").strip().splitlines()[-3:] if log.exists() else []
                raise DeadlineError(f"{group.member} did not start in {_START_WITHIN:g} s",
                                    where="; ".join(last) or str(log), remedy="./inv lab.doctor")
            time.sleep(0.01)

    def boot_again(self, node: str, life: str) -> None:
        """Power for a node whose system rebooted, unless somebody was at its power switch since that ``life``."""
        with switch.in_hand(self._paths, node):
            file = firmware.life_file(self._paths, node)
            if file.exists() and file.read_text() == life:
                self._on(node)

    def off(self, node: str) -> None:
        with switch.in_hand(self._paths, node):
            self._off(node)

    def _off(self, node: str) -> None:
        group = Cgroup(self._plan.lab, node)
        was_on = group.leader() is not None
        firmware.life_file(self._paths, node).unlink(missing_ok=True)
        network.cut(self._plan.lab, node)
        group.kill()
        if was_on:
            self._events.emit("power.off", node)
        network.unplug(self._plan.lab, node)

    def suspend(self, node: str) -> None:
        with switch.in_hand(self._paths, node):
            if self.state(node) is PowerState.ON:
                Cgroup(self._plan.lab, node).freeze(True)
                network.mute(self._plan, node, True)
                self._events.emit("power.suspend", node)

    def resume(self, node: str) -> None:
        with switch.in_hand(self._paths, node):
            if self.state(node) is PowerState.SUSPENDED:
                network.mute(self._plan, node, False)
                Cgroup(self._plan.lab, node).freeze(False)
                self._events.emit("power.resume", node)


class ContainerDisks:
    """The containers' share of the host's disk, by their cgroups."""

    def __init__(self, plan: Plan, paths: LabPaths) -> None:
        self._lab = plan.lab
        self._paths = paths

    @property
    def limited(self) -> bool:
        """Whether this host can limit them."""
        return self._device() is not None and cgroups.can_throttle()

    def throttle(self, node: str, writes: int) -> None:
        if device := self._device():
            Cgroup(self._lab, node).throttle(device, writes)

    def throttled(self, node: str) -> int:
        device = self._device()
        return Cgroup(self._lab, node).throttled(device) if device else 0

    def _device(self) -> str | None:
        return disk_of(self._paths.root) if self._paths.root.exists() else None


class ContainerDriver:
    """Makes and unmakes the containers of one lab."""

    name = "container"
    image = traits("container").image

    def __init__(self, plan: Plan, paths: LabPaths, events: EventLog) -> None:
        self._plan = plan
        self._paths = paths
        self._power = ContainerPower(plan, paths, events)
        self.slowness = hypervisor.container_slowness()
        self.snapshots: Snapshots = ContainerSnapshots(plan, paths, self._power)
        self._disks = ContainerDisks(plan, paths)

    @property
    def capabilities(self) -> frozenset[str]:
        of_the_host = {"netem": kernel.has_netem(), "slow_disk": self._disks.limited}
        return CAPABILITIES | {word for word, there in of_the_host.items() if there}

    @property
    def warnings(self) -> tuple[str, ...]:
        lacking = [node.name for node in self._plan.hosts if Cgroup(self._plan.lab, node.name).without_real_time]
        if not lacking:
            return ()
        return (f"corosync runs without real time on {', '.join(lacking)}, so on a busy host its token may be late: "
                f"cgroup v1 has a budget for {cgroups.REAL_TIME_LABS} labs and gave this one none. Take another lab "
                "down, then lab.stop and lab.start this one",)

    @property
    def disks(self) -> Disks:
        return self._disks

    @property
    def power(self) -> ContainerPower:
        return self._power

    def prepare(self) -> None:
        network.build(self._plan)

    def create(self, node: Node, seed: Iterable[File]) -> None:
        folder = self._paths.node(node.name)
        root = overlay.mount(self._plan.lab, folder, image_root(self._paths))
        overlay.lay_down(root, seed)

    def interface(self, node: str, network_name: NetworkName) -> str:
        return network.host_interface(node, network_name)

    def destroy(self, node: str) -> None:
        self.power.off(node)
        group = Cgroup(self._plan.lab, node)
        group.remove()
        overlay.unmount(self._paths.node(node))
        shutil.rmtree(self._paths.node(node), ignore_errors=True)


def sweep(lab: str, paths: LabPaths) -> None:
    """Take off the host whatever carries the lab's name; needs no plan and no state file."""
    names = cgroups.members(lab)
    groups = [Cgroup(lab, name) for name in names]
    # First those who may power a node on again, or make a namespace, behind our back.
    groups.sort(key=lambda group: group.member not in ("bmc", firmware.GROUP, cgroups.MAKING))
    for group in groups:
        _strike(group)
    for group in groups:
        group.kill()
    # Without this group nothing more is made: a command of a killed tool that comes late ends, one under way is
    # waited for.
    Cgroup(lab, cgroups.MAKING).remove()
    for namespace in network.namespaces_of(lab):
        network.delete_namespace(namespace)
    for group in groups:
        group.remove()
    cgroups.remove_lab(lab)
    overlay.unmount_below(paths.root)
    _remove_nspawn_leftovers(lab)


def _strike(group: Cgroup) -> None:
    """Start killing a node without waiting for it, so that many die at the same time."""
    group.freeze_quietly(False)
    leader = group.leader()
    for pid in [leader] if leader else group.pids():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _remove_nspawn_leftovers(lab: str) -> None:
    for folder in leftovers.nspawn_folders(lab):
        overlay.unmount_below(folder)
        shutil.rmtree(folder, ignore_errors=True)
