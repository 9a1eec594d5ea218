"""What every driver must be able to do; all the rest of halab is built on this."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from lab.drivers.traits import ImageKind
from lab.node.files import File
from lab.plan import NetworkName, Node


class PowerState(StrEnum):
    ON = "on"
    OFF = "off"
    SUSPENDED = "suspended"


class Power(Protocol):
    """Hard power over one lab's nodes, as a BMC or a chaos fault uses it.

    All calls are idempotent, thread-safe for different nodes, and return when it is done:
    after ``off`` no process of the node runs and no packet of it leaves.
    """

    def state(self, node: str) -> PowerState: ...
    def on(self, node: str) -> None: ...
    def off(self, node: str) -> None: ...
    def suspend(self, node: str) -> None: ...
    def resume(self, node: str) -> None: ...


@dataclass(frozen=True)
class Saved:
    """What one ``save`` cost: the longest time that a node stood still, and the room it takes on disk."""

    pause_seconds: float
    size_bytes: int


class Snapshots(Protocol):
    """All nodes of one lab as they were at one instant, for drivers with the capability ``snapshot``.

    :mod:`lab.ops.snapshot` calls these and does all the rest: it holds the lab's lock, has checked the
    name, the plan and (before ``save``) the gates, keeps fencing from acting meanwhile, and
    waits for green gates afterwards.  ``folder`` is an empty folder of this snapshot alone, in which
    the driver keeps what it likes; ``name`` is the snapshot's name, unique within the lab, for drivers
    that keep it elsewhere (in a disk image) as well.

    The tool may be killed at any moment.  ``save`` must not leave nodes standing still when its process
    dies, or ``wake`` must put that right; a half-saved snapshot is ``delete``d under the same name; an
    interrupted ``restore`` is called again from the start, or the lab is taken down.
    """

    def room(self) -> int:
        """Bytes that ``save`` will need below the lab's folder, and ``restore`` again; an estimate from above."""

    def save(self, name: str, folder: Path) -> Saved:
        """Keep every node.  All stand still together, and go on when this returns or raises.

        No node may see anything that another sent after the moment at which that other one was kept.
        All nodes are on when this is called, and stay so.
        """

    def stage(self, name: str, folder: Path) -> None:
        """Get ready for ``restore`` while the nodes go on as they are, e.g. copy what takes time.

        Whatever can fail for want of room fails here, and then leaves nothing behind.
        """

    def unstage(self) -> None:
        """Remove what ``stage`` made ready, because there will be no ``restore`` now."""

    def restore(self, name: str, folder: Path, revive: Mapping[str, Sequence[File]]) -> None:
        """Make every node what it was; each has power when this returns, and its old life or a new boot.

        ``stage`` has been called.  Nodes may be on, off or suspended before.  A driver whose nodes boot afresh
        lays ``revive`` (files by node: what daemons need to know when all nodes return from one instant) on
        their disks before the boot.  One that brings memory back ignores it, lets no node run before all are
        ready to, and sets each node's clock to the host's.
        """

    def wake(self) -> list[str]:
        """Let the nodes go on that a killed ``save`` left standing still, with the host's time; their names."""

    def delete(self, name: str, folder: Path) -> None:
        """Forget what lies outside ``folder`` (the caller removes the folder); idempotent, half-saved ones too."""


class Disks(Protocol):
    """The disks of one lab's nodes as the host sees them, for drivers with the capability ``slow_disk``."""

    def throttle(self, node: str, writes: int) -> None:
        """Let the node's disk do ``writes`` writes a second, 0 for as many as it can.

        A node without power has no limit, and none when it is powered on again.
        """

    def throttled(self, node: str) -> int:
        """The limit that holds now, 0 for none."""


class Driver(Protocol):
    """Makes and unmakes the machines of one lab.

    ``capabilities`` are words such as ``suspend``, ``netem``, ``panic``, ``own_clock``,
    ``slow_disk``, ``seed``, ``snapshot`` that faults and provisioning ask for; nobody asks which driver it is.
    ``witness``: every change of power is in the diary as ``power.seen`` too, from somebody other
    than the switch.

    ``image`` is the kind of image that the nodes stand on.  ``slowness`` says how many times
    longer than in a container a program takes on a node (1 but for emulated machines): limits
    and the measured parts of bounds are multiplied with it.
    """

    name: str
    image: ImageKind

    @property
    def capabilities(self) -> frozenset[str]: ...

    @property
    def slowness(self) -> float: ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What this host holds back from the lab as it runs now, in sentences; () if nothing."""

    @property
    def power(self) -> Power: ...

    @property
    def snapshots(self) -> Snapshots:
        """CapabilityError from a driver without the capability ``snapshot``."""

    @property
    def disks(self) -> Disks: ...

    def prepare(self) -> None:
        """Make what the nodes share: namespace, bridges.  Idempotent."""

    def create(self, node: Node, seed: Iterable[File]) -> None:
        """Make one node with ``seed`` on its disk; it need not be powered off.  Idempotent."""

    def interface(self, node: str, network: NetworkName) -> str:
        """The host-side interface of one NIC, inside the lab's namespace."""

    def destroy(self, node: str) -> None:
        """Remove one node and its disk.  Idempotent."""
