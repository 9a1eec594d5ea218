"""Snapshots of machines: memory, devices and disk of all at one instant, kept inside each machine's disk image.

QEMU saves a machine's memory beside its disk (an internal snapshot of a qcow2 image), so a machine that
is put back goes on in the middle of what it did: no boot, no cluster that forms again.  Only its clock
has to be told how late it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from lab.drivers.base import PowerState, Saved
from lab.errors import HalabError, HostError
from lab.node.files import File
from lab.node.shell import Shell
from lab.parallel import for_each
from lab.plan import Plan
from lab.vm.machines import Machines

_LOGIN = 120.0  # s until a machine that goes on takes a login again; measured 5 s with emulated ones
_PER_MACHINE = 64 << 20  # bytes of a snapshot beside the memory: devices, and the image's own tables


class MachineSnapshots:
    """The Snapshots of the machines of one lab.  ``shell`` makes the root shells that set the clocks."""

    def __init__(self, plan: Plan, machines: Machines, shell: Callable[[], Shell]) -> None:
        self._plan = plan
        self._machines = machines
        self._shell = shell

    def room(self) -> int:
        return sum((node.memory_mb << 20) + _PER_MACHINE for node in self._plan.hosts)

    def save(self, name: str, folder: Path) -> Saved:
        begun = time.monotonic()
        before = self._disk_bytes()
        try:
            # Suspended some milliseconds apart, and still one moment: one that stands still sends nothing.
            self._each(self._machines.suspend)
            self._each(lambda node: self._machines.keep(node, name))
            kept = self._disk_bytes() - before
        finally:
            self._each(self._go_on)
        pause = time.monotonic() - begun
        self._set_clocks(self._names)
        return Saved(pause, max(0, kept))

    def stage(self, name: str, folder: Path) -> None:
        """Nothing is copied; but it must be there, or the lab would lose its present state for nothing."""
        lacking = [node for node in self._names if not self._machines.keeps(node, name)]
        if lacking:
            raise HostError(f"the snapshot '{name}' is not in the disk of {', '.join(lacking)}",
                            where=f"lab {self._plan.lab}; a machine that was made again has none",
                            remedy=f"./inv lab.snapshot.delete {name} --name={self._plan.lab}")

    def unstage(self) -> None:
        """Nothing was copied."""

    def restore(self, name: str, folder: Path, revive: Mapping[str, Sequence[File]]) -> None:
        # All stand still first: none is to see another one gone.
        self._each(self._stand_still)
        self._each(lambda node: self._machines.put_back(node, name))
        self._each(self._go_on)
        self._set_clocks(self._names)

    def wake(self) -> list[str]:
        power = {node: self._machines.state(node) for node in self._names}
        self._each(self._go_on)
        # Also those that run: the save may have been killed between their going on and the setting of their clocks.
        self._set_clocks([node for node in self._names if power[node] is not PowerState.OFF])
        return [node for node in self._names if power[node] is PowerState.SUSPENDED]

    def delete(self, name: str, folder: Path) -> None:
        self._each(lambda node: self._machines.unkeep(node, name))

    @property
    def _names(self) -> list[str]:
        return [node.name for node in self._plan.hosts]

    def _stand_still(self, node: str) -> None:
        if self._machines.state(node) is PowerState.ON:
            self._machines.suspend(node)

    def _go_on(self, node: str) -> None:
        if self._machines.state(node) is PowerState.SUSPENDED:
            self._machines.resume(node)

    def _disk_bytes(self) -> int:
        return sum(Path(disk).stat().st_blocks * 512 for node in self._names for disk in self._machines.disks(node))

    def _set_clocks(self, nodes: Sequence[str]) -> None:
        """A machine's clock stood still with it, or is as old as its snapshot."""
        shell = self._shell()
        try:
            for_each(nodes, lambda node: _set_clock(shell, node))
        finally:
            with suppress(HalabError):
                shell.close()

    def _each(self, work: Callable[[str], object]) -> None:
        """``work`` on all machines at the same time; the first error is raised after all have ended."""
        for_each(self._names, work)


def _set_clock(shell: Shell, node: str) -> None:
    shell.await_ssh(node, time.monotonic() + _LOGIN)
    begun = time.time()
    shell.run(node, "true")
    # Half of what a command takes, there and back, is how old the time is when the clock gets it.
    way = (time.time() - begun) / 2
    shell.run(node, f"date --set=@{time.time() + way:.3f}")
