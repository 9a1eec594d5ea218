"""Control groups: every process of a lab lives in one, so that none can be lost.

The path is ``halab/<lab>/<member>`` (a member is a node, ``bmc``, ``firmware`` or ``making``), on cgroup v1 in each
hierarchy that a node needs, on v2 in the one tree.  ``lab.down`` kills by cgroup and so needs
no recorded pid, also after the tool was killed with SIGKILL.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from lab.errors import DeadlineError
from lab.host.process import run

_ROOT = Path("/sys/fs/cgroup")
# v1: nspawn itself needs the named hierarchy (and "unified" where the host is hybrid);
# freezer suspends, the others limit and measure.
_V1 = ("systemd", "unified", "freezer", "cpu", "cpuacct", "memory", "pids", "blkio")
# v2: they measure and limit; without them a lab runs all the same.
_V2_CONTROLLERS = ("cpu", "memory", "pids", "io")
_V1_THROTTLE = "blkio.throttle.write_iops_device"
# Real-time budgets on v1, where RT_GROUP_SCHED gives a new group none: microseconds of each period.  The period is
# short, for who has spent his budget stands still for the rest of it: with 50 ms of each second corosync lost its
# token (1 s) in a third of all joins, and with it a healthy node.
_RT_RUNTIME, _RT_PERIOD = "cpu.rt_runtime_us", "cpu.rt_period_us"
_RT_PERIOD_US = 100_000
_RT_ALL_US, _RT_LAB_US = 90_000, 45_000
REAL_TIME_LABS = _RT_ALL_US // _RT_LAB_US  # so many labs at once get a budget
# Join every cgroup, then become the command; a cgroup that is gone ends it.  A shell, because joining
# must happen between fork and exec, where a threaded Python may not run; paths arrive as arguments.
_JOIN = 'set -e; n=$1; shift; while [ "$n" -gt 0 ]; do echo $$ > "$1"; shift; n=$((n-1)); done; exec "$@"'


def is_v2() -> bool:
    """Whether the host runs the unified hierarchy alone."""
    return (_ROOT / "cgroup.controllers").exists()


def _hierarchies() -> list[Path]:
    if is_v2():
        return [_ROOT]
    return [_ROOT / name for name in _V1 if (_ROOT / name).is_dir()]


MAKING = "making"  # the member of the tool's own short commands, those that make namespaces and mounts


class Cgroup:
    """The control group of one member of a lab, in every hierarchy that there is."""

    def __init__(self, lab: str, member: str) -> None:
        self.lab = lab
        self.member = member
        self._dirs = [root / "halab" / lab / member for root in _hierarchies()]

    def command(self, argv: Sequence[str]) -> list[str]:
        """``argv`` as a command that joins the group and then becomes ``argv``."""
        entries = [str(folder / "cgroup.procs") for folder in self._dirs]
        return ["sh", "-c", _JOIN, "sh", str(len(entries)), *entries, *argv]

    def run(self, argv: Sequence[str | Path], *, timeout: float) -> None:
        """Run a short command in the group, made if need be: for what leaves something on the host.

        The tool may be killed meanwhile, and the command live on for a moment: ``lab.down`` finds it in its group,
        and where the group is gone it ends before it makes anything.
        """
        self.create()
        run(self.command([str(word) for word in argv]), timeout=timeout)

    def create(self, *, real_time: float = 0.0) -> None:
        """Make the group; idempotent.  ``real_time`` is its share, 0 to 1, of what its lab may spend on such
        processes, of which corosync is one."""
        for folder in self._dirs:
            for parent in (folder.parent.parent.parent, folder.parent.parent, folder.parent):
                parent.mkdir(exist_ok=True)
                if is_v2():
                    _enable_controllers(parent)
            folder.mkdir(exist_ok=True)
        if real_time:
            self._allow_real_time(round(_RT_LAB_US * real_time))

    def _allow_real_time(self, budget: int) -> None:
        """Let processes be SCHED_RR for ``budget`` of each period on v1; where the host refuses they do without
        (:attr:`without_real_time`)."""
        lab = _ROOT / "cpu" / "halab" / self.lab
        if is_v2() or not (lab / self.member / _RT_RUNTIME).exists():
            return
        with suppress(OSError):
            for folder, runtime in ((lab.parent, _RT_ALL_US), (lab, _RT_LAB_US)):
                if int((folder / _RT_RUNTIME).read_text()) == 0:
                    (folder / _RT_PERIOD).write_text(str(_RT_PERIOD_US))
                    (folder / _RT_RUNTIME).write_text(str(runtime))
            # A group can give away what it has: members of a lab that was smaller once hand over their excess.
            for knob in lab.glob(f"*/{_RT_RUNTIME}"):
                if int(knob.read_text()) > budget:
                    knob.write_text(str(budget))
            (lab / self.member / _RT_PERIOD).write_text(str(_RT_PERIOD_US))
            (lab / self.member / _RT_RUNTIME).write_text(str(budget))

    @property
    def without_real_time(self) -> bool:
        """Whether the host gave this group no budget for real-time processes; it says so nowhere else."""
        try:
            return int((_ROOT / "cpu" / "halab" / self.lab / self.member / _RT_RUNTIME).read_text()) == 0
        except FileNotFoundError:  # v2, a v1 that asks for no budget, or a group that is gone
            return False

    def pids(self) -> list[int]:
        """Every process of the group and of the groups below it; empty when it is gone."""
        found: set[int] = set()
        # All processes are in the first hierarchy (v1: the named one; v2: the only one).
        for folder, _, _ in os.walk(self._dirs[0]):
            try:
                found.update(int(pid) for pid in Path(folder, "cgroup.procs").read_text().split())
            except OSError:
                continue  # removed between walk and read
        return sorted(found)

    def leader(self) -> int | None:
        """Host pid of the node's init: the first process of its pid namespace, unless it is dead."""
        for pid in self.pids():
            try:
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue
            fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
            inner = fields["NSpid"].split()
            if len(inner) > 1 and inner[-1] == "1" and not fields["State"].strip().startswith(("Z", "X")):
                return pid
        return None

    def freeze(self, frozen: bool) -> None:
        """Stop or continue every process at once."""
        if is_v2():
            knob, word, wanted = self.freezer, "1" if frozen else "0", f"frozen {int(frozen)}"
            shown = self._dirs[0] / "cgroup.events"
        else:
            knob = shown = self.freezer
            word = wanted = "FROZEN" if frozen else "THAWED"
        if not knob.exists():
            return
        deadline = time.monotonic() + 5
        # Freezing takes its time on both versions; on v1 writing again pushes it on.
        while True:
            knob.write_text(word)
            if wanted in shown.read_text().splitlines():
                return
            if time.monotonic() > deadline:
                raise DeadlineError(f"{self.member} did not become '{wanted}' in 5 s", where=str(knob),
                                    remedy=f"./inv lab.down --name={self.lab}")
            time.sleep(0.005)

    def frozen(self) -> bool:
        try:
            if is_v2():
                return self.freezer.read_text().strip() == "1"
            return self.freezer.read_text().strip() != "THAWED"
        except OSError:
            return False

    @property
    def freezer(self) -> Path:
        """The file that stops and continues the group."""
        if is_v2():
            return self._dirs[0] / "cgroup.freeze"
        return _ROOT / "freezer" / "halab" / self.lab / self.member / "freezer.state"

    def throttle(self, device: str, writes: int) -> None:
        """Let the group write so many times a second to the disk ``major:minor``; 0: no limit."""
        knob = self._throttle
        if knob.exists():
            knob.write_text(f"{device} wiops={writes or 'max'}" if is_v2() else f"{device} {writes}")

    def throttled(self, device: str) -> int:
        """What :meth:`throttle` set, 0 for no limit; a group that is gone has none."""
        try:
            lines = self._throttle.read_text().splitlines()
        except OSError:
            return 0
        for disk, *words in map(str.split, lines):
            for word in words if disk == device else []:
                name, _, value = word.rpartition("=")
                if name in ("", "wiops") and value.isdigit():
                    return int(value)
        return 0

    @property
    def _throttle(self) -> Path:
        if is_v2():
            return self._dirs[0] / "io.max"
        return _ROOT / "blkio" / "halab" / self.lab / self.member / _V1_THROTTLE

    def kill(self, *, within: float = 10.0) -> None:
        """SIGKILL everything and wait until the group is empty; thawed first, or it would not die."""
        self.freeze_quietly(False)
        deadline = time.monotonic() + within
        while pids := self.pids():
            leader = self.leader()
            # The init first: the kernel then kills its whole pid namespace in one go.
            for pid in [leader] if leader else pids:
                _kill_and_wait(pid, max(0.0, min(1.0, deadline - time.monotonic())))
            if time.monotonic() > deadline:
                raise DeadlineError(f"processes of {self.member} survive SIGKILL: {pids}",
                                    where=str(self._dirs[0]), remedy="look at them with ps; then lab.down again")

    def freeze_quietly(self, frozen: bool) -> None:
        """As ``freeze``, for a group that may not exist."""
        with suppress(FileNotFoundError):
            self.freeze(frozen)

    def remove(self) -> None:
        """Remove the group with the groups that systemd made below it; it must be empty."""
        for folder in self._dirs:
            _remove_tree(folder)


def can_throttle() -> bool:
    """Whether this host's groups can be given a limit for their writes to a disk."""
    if is_v2():
        return "io" in (_ROOT / "cgroup.controllers").read_text().split()
    return (_ROOT / "blkio" / _V1_THROTTLE).exists()


def pressure_file(lab: str) -> Path:
    """Where the kernel tells how long the lab's processes waited for a processor; on v1 the unified tree has it."""
    return (_ROOT if is_v2() else _ROOT / "unified") / "halab" / lab / "cpu.pressure"


def remove_lab(lab: str) -> None:
    """Remove the lab's own level, and halab's where no lab is left."""
    for root in _hierarchies():
        folder = root / "halab" / lab
        if folder.is_dir():
            _remove_tree(folder)
    remove_empty(lab)


def remove_empty(lab: str) -> None:
    """Remove the lab's level and halab's own where nothing lives below them."""
    for root in _hierarchies():
        for folder in (root / "halab" / lab, root / "halab"):
            with suppress(OSError):  # somebody lives there, or it is gone
                folder.rmdir()


def members(lab: str) -> list[str]:
    """Every member of the lab that has a group, also when no file remembers it."""
    found: set[str] = set()
    for root in _hierarchies():
        folder = root / "halab" / lab
        if folder.is_dir():
            found.update(child.name for child in folder.iterdir() if child.is_dir())
    return sorted(found)


def labs() -> list[str]:
    """Every lab that has a group, also when no file remembers it."""
    found: set[str] = set()
    for root in _hierarchies():
        if (root / "halab").is_dir():
            found.update(child.name for child in (root / "halab").iterdir() if child.is_dir())
    return sorted(name for name in found if not name.startswith("."))


def _remove_tree(folder: Path) -> None:
    if not folder.is_dir():
        return
    deadline = time.monotonic() + 5
    for path, _, _ in os.walk(folder, topdown=False):
        # A just emptied group stays busy for some milliseconds while the kernel lets it go.
        while True:
            try:
                os.rmdir(path)  # noqa: PTH106 - os.walk gives strings
                break
            except FileNotFoundError:
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)


def _enable_controllers(folder: Path) -> None:
    """Give the groups below ``folder`` their controllers, as far as it has them itself.

    systemd enables in the root only what its own units need.  It cannot switch off again what is
    enabled further down.
    """
    available = (folder / "cgroup.controllers").read_text().split()
    for controller in _V2_CONTROLLERS:
        if controller in available:
            with suppress(OSError):  # a container's root has processes of its own and may not give any
                (folder / "cgroup.subtree_control").write_text(f"+{controller}")


def _kill_and_wait(pid: int, seconds: float) -> None:
    """SIGKILL one process and sleep until it is dead, by its pidfd."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        select.select([descriptor], [], [], seconds)
    except ProcessLookupError:
        return
    finally:
        os.close(descriptor)
