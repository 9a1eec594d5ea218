"""Taking off the host whatever carries a lab's name, on every driver: no plan and no record is needed."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

from lab import cgroups, network, overlay
from lab.cgroups import Cgroup
from lab.home import LabPaths


def remove_everything(lab: str, paths: LabPaths) -> None:
    """Take off the host whatever carries the lab's name; needs no plan and no state file."""
    names = cgroups.members(lab)
    groups = [Cgroup(lab, name) for name in names]
    # The BMC first: it must not power a node on again behind our back.
    groups.sort(key=lambda group: group.member != "bmc")
    for group in groups:
        _strike(group)
    for group in groups:
        group.kill()
    for namespace in network.namespaces_of(lab):
        network.delete_namespace(namespace)
    for group in groups:
        group.remove()
    cgroups.remove_lab(lab)
    overlay.unmount_below(paths.root)
    _remove_nspawn_leftovers(lab)


def _strike(group: Cgroup) -> None:
    """Start killing a node without waiting for it, so that many die at the same time."""
    group.freeze_quietly(False)
    leader = group.leader()
    for pid in [leader] if leader else group.pids():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _remove_nspawn_leftovers(lab: str) -> None:
    """nspawn's own run-time folders, which a killed supervisor leaves behind."""
    base = Path("/run/systemd/nspawn")
    for folder in base.glob(f"*/halab-{lab}-*"):
        overlay.unmount_below(folder)
        shutil.rmtree(folder, ignore_errors=True)
