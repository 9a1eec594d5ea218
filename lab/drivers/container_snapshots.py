"""Snapshots of containers: a copy of each node's own files, as they are while all nodes stand still.

A node's own files are the upper directory of its overlay.  Most is copied before; then all nodes are
frozen, the copies made equal, and the nodes let go on.  Nothing is told to them, so what is kept is what
a power cut of all would leave (docs/decisions/snapshots.md).
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from lab.drivers.base import Power, Saved
from lab.host import overlay, replica
from lab.host.cgroups import Cgroup
from lab.host.standstill import standstill
from lab.image import image_root
from lab.net import network
from lab.node.files import File
from lab.parallel import for_each
from lab.plan import Plan
from lab.state.home import LabPaths

_T = TypeVar("_T")
_NEXT = "upper.next"
_LAST = "upper.last"


class ContainerSnapshots:
    """The Snapshots of the containers of one lab."""

    def __init__(self, plan: Plan, paths: LabPaths, power: Power) -> None:
        self._plan = plan
        self._paths = paths
        self._power = power

    def room(self) -> int:
        return sum(size_bytes(self._upper(node.name)) for node in self._plan.hosts)

    def save(self, name: str, folder: Path) -> Saved:
        groups = [Cgroup(self._plan.lab, node.name) for node in self._plan.hosts]
        drafts = self._each(lambda node: replica.Draft.make(self._upper(node), folder / node))
        begun = time.monotonic()
        with standstill(groups):
            # Frozen some milliseconds apart, and still one moment: a frozen node sends nothing, so no other
            # can know of it what its disk does not hold.
            found = self._each(lambda node: drafts[node].differences())
        pause = time.monotonic() - begun
        self._each(lambda node: [correct() for correct in found[node]])
        return Saved(pause, size_bytes(folder))

    def stage(self, name: str, folder: Path) -> None:
        try:
            self._each(lambda node: _replace(folder / node, self._paths.node(node) / _NEXT))
        except BaseException:
            self.unstage()
            raise

    def unstage(self) -> None:
        self._each(lambda node: _remove(self._paths.node(node) / _NEXT))

    def restore(self, name: str, folder: Path, revive: Mapping[str, Sequence[File]]) -> None:
        # Together, and off their cables first: no node is to see another one die.
        self._each(lambda node: Cgroup(self._plan.lab, node).freeze_quietly(True))
        self._each(lambda node: network.cut(self._plan.lab, node))
        self._each(self._power.off)
        self._each(lambda node: self._swap(node, revive[node]))
        self._each(self._power.on)
        self._each(lambda node: _remove(self._paths.node(node) / _LAST))

    def wake(self) -> list[str]:
        """Nobody: the guard of a standstill has let them go on, and their clock is the host's."""
        return []

    def delete(self, name: str, folder: Path) -> None:
        """Everything of a snapshot is in its folder."""

    def _upper(self, node: str) -> Path:
        return self._paths.node(node) / "upper"

    def _swap(self, node: str, revive: Sequence[File]) -> None:
        """The staged files in the place of the node's own, under a fresh overlay."""
        folder = self._paths.node(node)
        overlay.unmount(folder)
        # The overlay's working directory belongs to the old files.
        for stale in (folder / _LAST, folder / "work"):
            _remove(stale)
        if self._upper(node).exists():
            self._upper(node).rename(folder / _LAST)
        (folder / _NEXT).rename(self._upper(node))
        overlay.lay_down(overlay.mount(self._plan.lab, folder, image_root(self._paths)), revive)

    def _each(self, work: Callable[[str], _T]) -> dict[str, _T]:
        """``work`` on all nodes at the same time; what it gave, by node."""
        names = [node.name for node in self._plan.hosts]
        return dict(zip(names, for_each(names, work), strict=True))


def _replace(source: Path, target: Path) -> None:
    _remove(target)
    replica.copy(source, target)


def _remove(tree: Path) -> None:
    if tree.exists():
        shutil.rmtree(tree)


def size_bytes(tree: Path) -> int:
    """Room on disk of everything below; what vanishes while it is counted counts nothing."""
    total = 0
    for where, _, files in os.walk(tree):
        for name in files:
            try:
                total += os.lstat(f"{where}/{name}").st_blocks * 512
            except FileNotFoundError:
                continue
    return total
