"""The vagrant driver: each node is a real machine under libvirt, with KVM or emulated.

Vagrant makes the machines, from a box and the lab's Vagrantfile, and removes them; power and
state are libvirt's.  Both work in a libvirtd of the lab's own (:mod:`lab.vm.daemon`), whose
cgroup is all that ``lab.down`` has to find.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterable

from lab import interrupt, state
from lab.drivers import switch
from lab.drivers.base import Disks, PowerState, Snapshots
from lab.drivers.traits import traits
from lab.errors import HalabError, HostError
from lab.image import image_root
from lab.net import network
from lab.net.namespace import Namespace
from lab.node.files import File
from lab.node.shell import Shell
from lab.plan import NetworkName, Node, Plan
from lab.state.events import EventLog
from lab.state.home import LabPaths
from lab.state.secrets import Secrets
from lab.vm import box, hypervisor, project, store, witness
from lab.vm.daemon import Daemon
from lab.vm.machines import Machines
from lab.vm.seed import write_initrd
from lab.vm.snapshots import MachineSnapshots
from lab.vm.vagrant import LabVagrant, VagrantError

CAPABILITIES = frozenset({"poweroff", "suspend", "netfilter", "shell", "seed", "panic", "own_clock", "netem",
                          "watchdog", "blockdev", "slow_disk", "snapshot"})
_MAKE_TIMEOUT = 300.0  # s to make and start one machine, all of it the host's work; 5 on an idle host
# Vagrant says this when the machine's process is about to start: by then nothing is left to collide over.
_STARTING = "Starting domain"
_STARTED = "Waiting for domain"


class MachinePower:
    """Hard power over the machines of one lab, by libvirt."""

    def __init__(self, plan: Plan, paths: LabPaths, daemon: Daemon, machines: Machines, events: EventLog) -> None:
        self._plan = plan
        self._paths = paths
        self._daemon = daemon
        self._machines = machines
        self._events = events

    def state(self, node: str) -> PowerState:
        return PowerState.OFF if self._daemon.deserted() else self._machines.state(node)

    def on(self, node: str) -> None:
        with switch.in_hand(self._paths, node):
            if self.state(node) is PowerState.OFF:
                self._machines.start(node)
                self._events.emit("power.on", node)

    def off(self, node: str) -> None:
        with switch.in_hand(self._paths, node):
            was_on = self.state(node) is not PowerState.OFF
            # The cables first: QEMU takes a moment to die, and the guest works until then.
            network.cut(self._plan.lab, node)
            if was_on:
                self._machines.kill(node)
                self._events.emit("power.off", node)

    def suspend(self, node: str) -> None:
        with switch.in_hand(self._paths, node):
            if self.state(node) is PowerState.ON:
                self._machines.suspend(node)
                self._events.emit("power.suspend", node)

    def resume(self, node: str) -> None:
        with switch.in_hand(self._paths, node):
            if self.state(node) is PowerState.SUSPENDED:
                self._machines.resume(node)
                self._events.emit("power.resume", node)


class VagrantDriver:
    """Makes and unmakes the machines of one lab."""

    name = "vagrant"
    image = traits("vagrant").image
    warnings: tuple[str, ...] = ()

    def __init__(self, plan: Plan, paths: LabPaths, events: EventLog) -> None:
        self._plan = plan
        self._paths = paths
        self._events = events
        self._daemon = Daemon(plan.lab, paths)
        self._machines = Machines(plan.lab, self._daemon.uri)
        self._power = MachinePower(plan, paths, self._daemon, self._machines, events)
        # Two Vagrants that make machines at the same moment trip over each other in libvirt's pool.
        self._making = threading.Lock()

    @property
    def power(self) -> MachinePower:
        return self._power

    @property
    def snapshots(self) -> Snapshots:
        return MachineSnapshots(self._plan, self._machines, lambda: Shell(
            self._plan, Namespace(self._plan.lab), Secrets(self._paths.secrets), self.slowness))

    @property
    def disks(self) -> Disks:
        return self._machines

    @property
    def capabilities(self) -> frozenset[str]:
        return CAPABILITIES | {"witness"} if witness.running(self._plan.lab) else CAPABILITIES

    @property
    def slowness(self) -> float:
        return hypervisor.slowness()

    def prepare(self) -> None:
        network.build(self._plan)
        self._daemon.start()
        project.write_leases(self._plan, self._daemon)
        disks = self._paths.root / "disks"
        disks.mkdir(exist_ok=True)
        self._machines.set_up(str(disks), project.libvirt_networks(self._plan))
        disk = image_root(self._paths)
        name = box.ensure_box(disk, own=bool(self._plan.box))
        text = project.render(
            self._plan, self._paths, box=name, kernel=disk.with_name("vmlinuz"), uri=self._daemon.uri,
            accelerated=hypervisor.acceleration() == "kvm")
        state.write_atomically(self._paths.root / "Vagrantfile", text)
        witness.start(self._plan.lab, self._paths, self._daemon.uri)

    def create(self, node: Node, seed: Iterable[File]) -> None:
        """Make one machine.  Vagrant knows no machine that was never on: it boots when this returns.

        A Vagrant that lost a race is tried once more (docs/decisions/machines.md).  HostError with libvirt's or
        Vagrant's own reasons; what it had begun is removed by the next try.
        """
        self._forget(node.name)
        folder = self._paths.node(node.name)
        folder.mkdir(parents=True, exist_ok=True)
        base = image_root(self._paths).with_name("initrd.img")
        write_initrd(base, seed, project.initrd(self._paths, node.name))
        self._making.acquire()
        deadline = time.monotonic() + _MAKE_TIMEOUT
        try:
            self._bring_up(node.name, deadline)
        except VagrantError as first:
            if not first.race or interrupt.requested() or self._machines.state(node.name) is not PowerState.OFF:
                raise
            self._events.emit("note", node.name, text=f"{first.what} and is tried once more: {first.where}")
            self._forget(node.name)
            self._making.acquire()
            try:
                self._bring_up(node.name, deadline)
            except HalabError as second:
                raise type(second)(second.what, where=f"{second.where}; the first time: {first.where}",
                                   remedy=second.remedy) from first

    def interface(self, node: str, network_name: NetworkName) -> str:
        return network.host_interface(node, network_name)

    def destroy(self, node: str) -> None:
        network.cut(self._plan.lab, node)
        if (self._paths.root / "Vagrantfile").exists() and self._daemon.running():
            self._vagrant(node).destroy(vm_name=node)
        self._forget(node)
        shutil.rmtree(self._paths.node(node), ignore_errors=True)

    def _bring_up(self, node: str, deadline: float) -> None:
        """One ``vagrant up``, by the thread whose turn it is to make a machine; passes the turn on."""
        turn = [True]

        def progress(name: str, words: str) -> None:
            if words.startswith(_STARTING) and turn:
                turn.pop()
                self._making.release()
            if words.startswith(_STARTED):
                self._events.emit("power.on", name)

        try:
            self._vagrant(node).bring_up(node, progress, timeout=deadline - time.monotonic())
        except HostError as error:
            if not self._daemon.running():
                raise self._daemon.lost() from error
            raise
        finally:
            if turn:
                self._making.release()

    def _vagrant(self, node: str) -> LabVagrant:
        return LabVagrant(self._paths.root, env=store.environment(), log=self._paths.root / f"vagrant-{node}.log",
                          wrap=self._daemon.command)

    def _forget(self, node: str) -> None:
        """Remove what an interrupted making left: the machine in libvirt, and Vagrant's memory of it."""
        if self._daemon.running():
            self._machines.forget(node)
        for leftover in (self._paths.root / "disks").glob(f"{self._machines.prefix}{node}.img"):
            leftover.unlink()
        try:
            shutil.rmtree(self._paths.root / ".vagrant" / "machines" / node)
        except FileNotFoundError:
            return
        except OSError as error:
            raise HostError(f"cannot remove what Vagrant remembers of {node}", where=str(error),
                            remedy=f"./inv lab.down --name={self._plan.lab} removes all of the lab") from error
