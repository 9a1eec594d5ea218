"""What the rest of halab must know of a driver before there is a lab to ask.

Everything else is a capability of the running driver.  A new driver is a new entry here and in
:func:`lab.drivers.make_driver`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from lab.vm import hypervisor

# "tree": a folder that containers boot from.  "disk": a disk, a kernel and an initrd for machines.
ImageKind = Literal["tree", "disk"]


def _tuned() -> str:
    return "tuned"


def _none() -> int:
    return 0


def _nothing() -> tuple[str, ...]:
    return ()


@dataclass(frozen=True)
class Traits:
    """``programs`` maps what the driver starts to the Debian package that has it.

    ``default_profile`` names the timer profile of a lab whose topology names none, ``overhead_mb``
    is what the host spends on a node beside the node's own memory, ``warnings`` are sentences for
    the person.  All look at this host.
    """

    image: ImageKind = "tree"
    programs: Mapping[str, str] = field(default_factory=dict)
    default_profile: Callable[[], str] = _tuned
    overhead_mb: Callable[[], int] = _none
    warnings: Callable[[], tuple[str, ...]] = _nothing


_MACHINES = Traits(
    image="disk",
    programs={"vagrant": "vagrant", "libvirtd": "libvirt-daemon", "qemu-system-x86_64": "qemu-system-x86",
              "qemu-img": "qemu-utils", "mke2fs": "e2fsprogs", "debugfs": "e2fsprogs"},
    default_profile=hypervisor.default_profile,
    overhead_mb=hypervisor.overhead_mb,
    warnings=hypervisor.warnings,
)
_CONTAINERS = Traits(default_profile=hypervisor.container_profile, warnings=hypervisor.container_warnings)
_TRAITS: Mapping[str, Traits] = {"container": _CONTAINERS, "vagrant": _MACHINES, "fake": Traits()}


def traits(driver: str) -> Traits:
    """The traits of the driver of that name; KeyError if there is none."""
    return _TRAITS[driver]


def all_programs() -> frozenset[str]:
    """Every program that some driver starts."""
    return frozenset(program for known in _TRAITS.values() for program in known.programs)
