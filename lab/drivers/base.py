"""What every driver must be able to do; all the rest of halab is built on this."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Protocol

from lab.drivers.traits import ImageKind
from lab.files import File
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


class Driver(Protocol):
    """Makes and unmakes the machines of one lab.

    ``capabilities`` are words such as ``suspend``, ``netem``, ``panic``, ``own_clock``,
    ``seed`` that faults and provisioning ask for; nobody asks which driver it is.

    ``image`` is the kind of image that the nodes stand on.  ``slowness`` says how many times
    longer than in a container a program takes on a node (1 but for emulated machines): limits
    and the measured parts of bounds are multiplied with it.
    """

    name: str
    capabilities: frozenset[str]
    image: ImageKind

    @property
    def slowness(self) -> float: ...

    @property
    def power(self) -> Power: ...

    def prepare(self) -> None:
        """Make what the nodes share: namespace, bridges.  Idempotent."""

    def create(self, node: Node, seed: Iterable[File]) -> None:
        """Make one node with ``seed`` on its disk; it need not be powered off.  Idempotent."""

    def interface(self, node: str, network: NetworkName) -> str:
        """The host-side interface of one NIC, inside the lab's namespace."""

    def destroy(self, node: str) -> None:
        """Remove one node and its disk.  Idempotent."""
