"""Whether this host can hold a lab, and how to put right what it lacks.

Reading the host (:func:`read_host`) and judging it (:func:`judge`) are apart: the judgement is
a function of :class:`Readings`, so any host can be described in a test.  What the kernel can do
is tried, not looked up (:mod:`lab.host.kernel`).
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from lab.drivers.traits import all_programs, traits
from lab.errors import RefusedError
from lab.host import inotify, kernel, leftovers
from lab.plan import Plan
from lab.state.home import home

# A clock before this is wrong (it is when this was written), and apt then refuses every signature.
_EARLIEST = 1_763_000_000.0

PROGRAMS: Mapping[str, str] = {  # program -> Debian package
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "ssh": "openssh-client",
}


class Level(StrEnum):
    OK = "ok"
    NOTE = "note"
    BAD = "BAD"


@dataclass(frozen=True)
class Finding:
    """One thing about the host; ``fix`` is what to type or change when it is bad."""

    topic: str
    level: Level
    what: str
    fix: str = ""


@dataclass(frozen=True)
class Readings:
    """A host as it was found.

    ``memory_mb`` and ``disk_mb`` are free (available) megabytes, the disk's where labs will lie.
    ``kernel`` maps each trial to '' when it worked and to the reason when it did not; it is
    empty when the trials could not be made (no root).
    """

    root: bool
    system: str
    apt: bool
    programs: frozenset[str]
    cgroups: str  # "v2", "v2 without ...", "hybrid", or what is wrong
    kernel: Mapping[str, str]
    memory_mb: int
    disk_mb: int
    disk_path: Path
    clock: float
    inotify: int | None = None  # instances that root may still make, if that could be seen
    leftovers: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Examination:
    """All findings, in the order of cause: what comes first may explain what follows."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return not self.bad

    @property
    def bad(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.level is Level.BAD)


def examine(plan: Plan, readings: Readings | None = None, *, new_hosts: int | None = None) -> Examination:
    """Everything about this host that matters to the lab of ``plan``, of which ``new_hosts`` (all by default) have
    yet to be made: the others hold what they need already."""
    containers = (len(plan.hosts) if new_hosts is None else new_hosts) if traits(plan.driver).image == "tree" else 0
    return judge(readings or read_host(), memory_mb=plan.memory_mb, disk_mb=plan.disk_mb,
                 inotify=containers * inotify.PER_NODE, programs={**PROGRAMS, **traits(plan.driver).programs})


def check_for(plan: Plan, readings: Readings | None = None, *, new_hosts: int | None = None) -> None:
    """Refuse a lab that this host cannot hold, before anything is touched; ``new_hosts`` as in :func:`examine`.

    RefusedError names everything that is missing, with numbers, and the first fix.  A driver
    that keeps a record alone needs nothing of this host.
    """
    if not traits(plan.driver).on_this_host:
        return
    bad = examine(plan, readings, new_hosts=new_hosts).bad
    if bad:
        raise RefusedError(
            "; ".join(finding.what for finding in bad),
            where=f"this host, for the lab '{plan.lab}' ({plan.style}, {len(plan.nodes)} nodes)",
            remedy=next((finding.fix for finding in bad if finding.fix), "./inv lab.doctor"),
        )


def judge(host: Readings, *, memory_mb: int, disk_mb: int, inotify: int = 0,
          programs: Mapping[str, str] = PROGRAMS) -> Examination:
    """What ``host`` lacks for a lab that needs ``memory_mb`` and ``disk_mb`` megabytes, ``inotify``
    instances and ``programs``."""
    return Examination(
        (
            _finding("root", host.root, "running as root", "not running as root", "sudo ./inv lab.doctor"),
            _finding(
                "system",
                host.apt,
                f"{host.system}, with apt",
                f"{host.system} has no apt: node images are made of Debian packages",
                "use Debian 12, in a virtual machine if need be",
            ),
            *_programs(host, programs),
            _cgroup_layout(host.cgroups),
            *_kernel(host),
            _room(
                "memory",
                "memory",
                host.memory_mb,
                memory_mb,
                "take a lab down (./inv lab.list), or fewer --nodes",
            ),
            _room(
                "disk",
                f"disk under {host.disk_path}",
                host.disk_mb,
                disk_mb,
                "./inv image.prune, or put HALAB_HOME on a larger disk",
            ),
            *_inotify(host.inotify, inotify),
            _finding(
                "clock",
                host.clock > _EARLIEST,
                "the clock is plausible",
                f"the clock says {time.strftime('%Y-%m-%d', time.gmtime(host.clock))}, which is in the past",
                "set the clock: package signatures and certificates are refused otherwise",
            ),
            *(Finding("leftovers", Level.NOTE, text) for text in host.leftovers),
        )
    )


def _finding(topic: str, holds: bool, good: str, bad: str, fix: str) -> Finding:
    return Finding(topic, Level.OK, good) if holds else Finding(topic, Level.BAD, bad, fix)


def _cgroup_layout(layout: str) -> Finding:
    if layout.startswith("v2 without"):
        # They measure and limit; nodes are started, frozen and killed without them.
        return Finding("cgroups", Level.NOTE, f"cgroup layout: {layout}: a lab works, unmeasured",
                       "boot with cgroup_enable=memory, or enable them in the root's cgroup.subtree_control")
    return _finding(
        "cgroups",
        layout in ("v2", "hybrid"),
        f"cgroup layout: {layout}",
        f"cgroups cannot be used: {layout}",
        "mount -t cgroup2 none /sys/fs/cgroup, or boot with systemd.unified_cgroup_hierarchy=1",
    )


def _programs(host: Readings, programs: Mapping[str, str]) -> list[Finding]:
    missing = [program for program in programs if program not in host.programs]
    packages = " ".join(sorted({programs[program] for program in missing}))
    return [
        _finding(
            "programs",
            not missing,
            f"programs: {', '.join(programs)}",
            f"missing programs: {', '.join(missing)}",
            f"apt-get install {packages}",
        )
    ]


def _kernel(host: Readings) -> list[Finding]:
    if not host.kernel:
        return [
            Finding(
                "kernel", Level.NOTE, "the kernel was not tried: that needs root", "sudo ./inv lab.doctor"
            )
        ]
    return [
        _finding(
            "kernel",
            not reason,
            f"{kernel.TITLES.get(name, name)} works",
            f"{kernel.TITLES.get(name, name)} does not work: {reason}",
            kernel.FIXES.get(name, ""),
        )
        for name, reason in host.kernel.items()
    ]


def _inotify(free: int | None, needed: int) -> list[Finding]:
    if free is None:
        return []
    have = f"inotify instances: {free} are free, {needed} are needed"
    return [_finding("inotify", free >= needed, have, f"not enough {have}",
                     "sysctl fs.inotify.max_user_instances=1024")]


def _room(topic: str, noun: str, free: int, needed: int, fix: str) -> Finding:
    return _finding(
        topic,
        free >= needed,
        f"{noun}: {free} MB are free, {needed} MB are needed",
        f"not enough {noun}: {free} MB are free, {needed} MB are needed",
        fix,
    )


def read_host() -> Readings:
    """This host, now.  As root this makes and unmakes a few things in throw-away namespaces."""
    root = os.geteuid() == 0
    place = nearest_existing(home())
    return Readings(
        root=root,
        system=_system(),
        apt=shutil.which("apt-get") is not None,
        programs=frozenset(program for program in {*PROGRAMS, *all_programs()} if shutil.which(program)),
        cgroups=_cgroups(),
        kernel=kernel.run_all(place) if root else {},
        memory_mb=free_memory_mb(),
        disk_mb=shutil.disk_usage(place).free // 2**20,
        disk_path=home(),
        clock=time.time(),
        inotify=inotify.free(),
        leftovers=tuple(leftovers.describe()),
    )


def nearest_existing(path: Path) -> Path:
    """``path`` or the closest folder above it that exists: the filesystem where it would lie."""
    while not path.exists():
        path = path.parent
    return path


def free_memory_mb(meminfo: Path = Path("/proc/meminfo"), cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """What can still be used without swapping: the kernel's estimate, or less under a cgroup's limit."""
    fields = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
    free = int(fields["MemAvailable"].split()[0]) * 1024
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        if (cgroup / limit).exists() and (cgroup / used).exists():
            allowed = (cgroup / limit).read_text().strip()
            if allowed.isdecimal():
                free = min(free, int(allowed) - int((cgroup / used).read_text()))
    return max(0, free) // 2**20


def _system(os_release: Path = Path("/etc/os-release")) -> str:
    try:
        fields = dict(line.split("=", 1) for line in os_release.read_text().splitlines() if "=" in line)
    except OSError:
        return "an unknown system"
    return fields.get("PRETTY_NAME", "an unknown system").strip('"')


def _cgroups(root: Path = Path("/sys/fs/cgroup")) -> str:
    if not root.is_dir():
        return f"{root} does not exist"
    if (root / "cgroup.controllers").exists():
        missing = {"cpu", "memory", "pids"} - set((root / "cgroup.controllers").read_text().split())
        return "v2" if not missing else f"v2 without the controllers {', '.join(sorted(missing))}"
    missing = {name for name in ("systemd", "freezer", "cpu", "memory", "pids") if not (root / name).is_dir()}
    return "hybrid" if not missing else f"v1 without the hierarchies {', '.join(sorted(missing))}"
