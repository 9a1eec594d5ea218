"""How this host runs virtual machines: with KVM, or by emulating every instruction.

An open ``/dev/kvm`` and libvirt's capabilities are no proof: a host without hardware
virtualization may offer both and then take minutes for the first line of a guest's kernel.
So the processor is asked first, and then QEMU has to make a machine with it.
"""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Literal

from lab.errors import HostError, RefusedError
from lab.host.process import run

Acceleration = Literal["kvm", "emulated"]
OVERRIDE = "HALAB_ACCELERATION"
# Measured: a fence agent's call takes 6.6 s instead of 0.5 s, a boot 40 s instead of 3 s.
EMULATED_SLOWNESS = 15.0
_TRY_TIMEOUT = 15.0


def acceleration() -> Acceleration:
    """How machines run here; the environment variable ``HALAB_ACCELERATION`` overrides the finding.

    RefusedError for an override that is neither ``kvm`` nor ``emulated``.
    """
    wanted = os.environ.get(OVERRIDE, "")
    if wanted == "kvm":
        return "kvm"
    if wanted not in ("", "emulated"):
        raise RefusedError(f"'{wanted}' is no way to run machines", where=OVERRIDE,
                           remedy=f"{OVERRIDE}=kvm or {OVERRIDE}=emulated")
    return "kvm" if not wanted and has_virtualization() and _kvm_makes_a_machine() else "emulated"


def has_virtualization(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor says that it has hardware virtualization (``vmx`` or ``svm``)."""
    for line in cpuinfo.read_text().splitlines():
        if line.startswith("flags"):
            return bool({"vmx", "svm"} & set(line.split()))
    return False


def slowness() -> float:
    """How many times longer than in a container things take in a machine on this host."""
    return 1.0 if acceleration() == "kvm" else EMULATED_SLOWNESS


def default_profile() -> str:
    """The timer profile that suits machines on this host."""
    return "tuned" if acceleration() == "kvm" else "emulated"


@cache
def emulated_host() -> bool:
    """Whether this host is itself a machine that QEMU emulates: its containers are then as slow as it is.

    ``HALAB_ACCELERATION=kvm`` denies it.
    """
    if os.environ.get(OVERRIDE) == "kvm":
        return False
    try:
        return run(["systemd-detect-virt", "--vm"], timeout=10, check=False).stdout.strip() == "qemu"
    except HostError:  # no systemd on the host
        return False


def container_slowness() -> float:
    """How many times longer than on a real processor things take in a container on this host."""
    return EMULATED_SLOWNESS if emulated_host() else 1.0


def container_profile() -> str:
    """The timer profile that suits containers on this host."""
    return "emulated" if emulated_host() else "tuned"


def container_warnings() -> tuple[str, ...]:
    """Sentences for the person who builds a lab of containers here."""
    if not emulated_host():
        return ()
    return (f"This host is an emulated machine, in which everything takes about {EMULATED_SLOWNESS:.0f} times as "
            "long: a lab needs many minutes.",)


def overhead_mb() -> int:
    """What a machine takes of the host's memory beside its own, in MB."""
    # Measured, 1.9 GB for a machine of 768 MB: QEMU keeps up to 1 GB of translated code.
    return 100 if acceleration() == "kvm" else 1200


def warnings() -> tuple[str, ...]:
    """Sentences for the person, before anything is built."""
    if acceleration() == "kvm":
        return ()
    return ("This host has no KVM: QEMU emulates the machines, in which everything takes about "
            f"{EMULATED_SLOWNESS:.0f} times as long. Three are built in some minutes; "
            "containers (the default driver) need seconds.",)


@cache
def _kvm_makes_a_machine() -> bool:
    command = ["qemu-system-x86_64", "-accel", "kvm", "-machine", "none", "-nodefaults", "-display", "none",
               "-monitor", "stdio"]
    try:
        done = subprocess.run(command, input=b"quit\n", capture_output=True, timeout=_TRY_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
