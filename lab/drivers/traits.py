"""What the rest of halab must know of a driver before there is a lab to ask.

Everything else is a capability of the running driver.  A new driver is a new entry here and in
:func:`lab.drivers.make_driver`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from daemons.services import SERVICES, Service
from lab.vm import hypervisor

# "tree": a folder that containers boot from.  "disk": a disk, a kernel and an initrd for machines.
ImageKind = Literal["tree", "disk"]


def _tuned() -> str:
    return "tuned"


def _none(*_services: object) -> int:
    return 0


def _nothing() -> tuple[str, ...]:
    return ()


@dataclass(frozen=True)
class Traits:
    """``programs`` maps what the driver starts to the Debian package that has it.

    ``on_this_host``: its nodes run here and take something of the host; False for a driver that keeps a
    record alone.  ``own_load``: a node's load average is its own; that of a container is the whole host's.
    ``takes_box``: its nodes can be made from a box of the person's own.
    ``memory_mb`` is what a node with such services takes, ``overhead_mb`` what the host spends on it
    beside that; ``image_disk_mb`` goes once, ``node_disk_mb`` for each node.
    ``default_profile`` names the timer profile of a lab whose topology names none, ``warnings`` are
    sentences for the person.  These two and ``overhead_mb`` look at this host.
    """

    memory_mb: Callable[[Collection[Service]], int]
    image: ImageKind = "tree"
    on_this_host: bool = True
    own_load: bool = True
    takes_box: bool = False
    image_disk_mb: int = 1200
    node_disk_mb: int = 400
    programs: Mapping[str, str] = field(default_factory=dict)
    default_profile: Callable[[], str] = _tuned
    overhead_mb: Callable[[], int] = _none
    warnings: Callable[[], tuple[str, ...]] = _nothing


def _container_mb(services: Collection[Service]) -> int:
    # Measured: 145..180 with corosync and Pacemaker alone, 360..440 with everything, Keystone's processes 240 more.
    return 170 + sum(SERVICES[service].memory_mb for service in services)


def _machine_mb(services: Collection[Service]) -> int:
    # Measured: 545 of 768 in use with everything but Keystone (its processes: 240); Pacemaker alone fits into 512.
    return (768 if {"galera", "rabbitmq"} & set(services) else 512) + (256 if "keystone" in services else 0)


_MACHINES = Traits(
    _machine_mb,
    image="disk",
    takes_box=True,
    programs={"vagrant": "vagrant", "libvirtd": "libvirt-daemon", "qemu-system-x86_64": "qemu-system-x86",
              "qemu-img": "qemu-utils", "mke2fs": "e2fsprogs", "debugfs": "e2fsprogs"},
    default_profile=hypervisor.default_profile,
    overhead_mb=hypervisor.overhead_mb,
    warnings=hypervisor.warnings,
)
_CONTAINERS = Traits(_container_mb, own_load=False, default_profile=hypervisor.container_profile,
                     warnings=hypervisor.container_warnings)
_RECORD = Traits(_none, on_this_host=False, image_disk_mb=0, node_disk_mb=0)
_TRAITS: Mapping[str, Traits] = {"container": _CONTAINERS, "vagrant": _MACHINES, "fake": _RECORD}


def traits(driver: str) -> Traits:
    """The traits of the driver of that name; KeyError if there is none."""
    return _TRAITS[driver]


def all_programs() -> frozenset[str]:
    """Every program that some driver starts."""
    return frozenset(program for known in _TRAITS.values() for program in known.programs)
