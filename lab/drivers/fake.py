"""A driver without machines, for tests: the power states are a file in the lab's folder.

Several processes may use the same fake lab at once (the command line, the BMC, a chaos
runner that a test kills), so every change is one locked read-modify-write of that file.
It says the same things in the event log as a real driver, and it remembers its calls.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lab.drivers.base import Disks, Power, PowerState, Saved, Snapshots
from lab.drivers.traits import traits
from lab.errors import NotFoundError
from lab.net.network import host_interface
from lab.node.files import File
from lab.plan import NetworkName, Node, Plan
from lab.state.events import EventLog
from lab.state.home import LabPaths

_STATE_FILE = "fake-driver.json"


@dataclass
class _World:
    """What the file holds: the power state of every node, and the calls in order."""

    power: dict[str, str] = field(default_factory=dict)
    calls: list[list[str]] = field(default_factory=list)


class _Store:
    """The file, and the lock that makes one change of it indivisible."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> _World:
        try:
            raw = json.loads(self.path.read_text())
        except FileNotFoundError:
            return _World()
        return _World(power=raw["power"], calls=raw["calls"])

    @contextmanager
    def change(self) -> Iterator[_World]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            world = self.read()
            yield world
            # A rename, so that a reader (or a test that kills the writer) never sees half a file.
            fresh = self.path.with_suffix(".new")
            fresh.write_text(json.dumps(asdict(world)))
            fresh.replace(self.path)
        finally:
            os.close(lock)


class FakePower:
    """Power over machines that do not exist; idempotent like the real one."""

    def __init__(self, plan: Plan, store: _Store, events: EventLog) -> None:
        self._names = frozenset(node.name for node in plan.hosts)
        self._store = store
        self._events = events

    def state(self, node: str) -> PowerState:
        self._known(node)
        return PowerState(self._store.read().power.get(node, PowerState.OFF))

    def on(self, node: str) -> None:
        self._switch("on", node, PowerState.ON, frozenset({PowerState.OFF}))

    def off(self, node: str) -> None:
        self._switch("off", node, PowerState.OFF, frozenset({PowerState.ON, PowerState.SUSPENDED}))

    def suspend(self, node: str) -> None:
        self._switch("suspend", node, PowerState.SUSPENDED, frozenset({PowerState.ON}))

    def resume(self, node: str) -> None:
        self._switch("resume", node, PowerState.ON, frozenset({PowerState.SUSPENDED}))

    def _switch(self, verb: str, node: str, to: PowerState, allowed: frozenset[PowerState]) -> None:
        self._known(node)
        with self._store.change() as world:
            world.calls.append([verb, node])
            before = PowerState(world.power.get(node, PowerState.OFF))
            changed = before in allowed
            if changed:
                world.power[node] = to
        if changed:
            self._events.emit(f"power.{verb}", node)

    def _known(self, node: str) -> None:
        if node not in self._names:
            raise NotFoundError(f"there is no node '{node}'", where=", ".join(sorted(self._names)))


class FakeSnapshots:
    """Snapshots of machines that do not exist: their power states, in one file of the snapshot's folder."""

    def __init__(self, store: _Store) -> None:
        self._store = store

    def room(self) -> int:
        return self._store.path.stat().st_size if self._store.path.exists() else 0

    def save(self, name: str, folder: Path) -> Saved:
        with self._store.change() as world:
            world.calls.append(["save", name])
            kept = folder / _STATE_FILE
            kept.write_text(json.dumps(world.power))
        return Saved(0.0, kept.stat().st_size)

    def stage(self, name: str, folder: Path) -> None:
        self._note("stage", name)

    def unstage(self) -> None:
        self._note("unstage", "")

    def restore(self, name: str, folder: Path, revive: Mapping[str, Sequence[File]]) -> None:
        power = json.loads((folder / _STATE_FILE).read_text())
        with self._store.change() as world:
            world.calls.append(["restore", name])
            world.power = power

    def wake(self) -> list[str]:
        with self._store.change() as world:
            still = [node for node, power in world.power.items() if power == PowerState.SUSPENDED]
            world.power.update(dict.fromkeys(still, PowerState.ON))
        return still

    def delete(self, name: str, folder: Path) -> None:
        self._note("delete", name)

    def _note(self, verb: str, name: str) -> None:
        with self._store.change() as world:
            world.calls.append([verb, name])


class FakeDisks:
    """Limits that nobody has to keep, remembered by this process alone."""

    def __init__(self) -> None:
        self._limits: dict[str, int] = {}

    def throttle(self, node: str, writes: int) -> None:
        self._limits[node] = writes

    def throttled(self, node: str) -> int:
        return self._limits.get(node, 0)


class FakeDriver:
    """The Driver contract with nothing behind it.

    ``calls`` lists every power and life-cycle call as ``(verb, node)``, over all processes.
    """

    name = "fake"
    capabilities = frozenset({"suspend", "poweroff", "netfilter", "shell", "slow_disk", "snapshot"})
    image = traits("fake").image
    slowness = 1.0
    warnings: tuple[str, ...] = ()

    def __init__(self, plan: Plan, paths: LabPaths, events: EventLog) -> None:
        self._plan = plan
        self._store = _Store(paths.root / _STATE_FILE)
        self.power: Power = FakePower(plan, self._store, events)
        self.snapshots: Snapshots = FakeSnapshots(self._store)
        self.disks: Disks = FakeDisks()

    @property
    def calls(self) -> list[tuple[str, str]]:
        return [(verb, node) for verb, node in self._store.read().calls]

    def prepare(self) -> None:
        self._note("prepare", "")

    def create(self, node: Node, seed: Iterable[File]) -> None:
        for _ in seed:
            pass  # a real driver reads them all: let a broken generator fail here too
        with self._store.change() as world:
            world.calls.append(["create", node.name])
            world.power.setdefault(node.name, PowerState.OFF)

    def interface(self, node: str, network: NetworkName) -> str:
        return host_interface(self._plan.node(node).name, network)

    def destroy(self, node: str) -> None:
        with self._store.change() as world:
            world.calls.append(["destroy", node])
            world.power.pop(node, None)

    def _note(self, verb: str, node: str) -> None:
        with self._store.change() as world:
            world.calls.append([verb, node])
