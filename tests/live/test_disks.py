"""The scripts of the disk faults on a real file system, small and of this test's own; the faults need a machine's."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.faults import get_fault
from chaos.faults.diskbase import DATA, DiskFault
from chaos.faults.guestbase import REVIVE
from chaos.model import Target
from lab.host.process import run
from lab.lab import Lab

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not Path("/dev/loop-control").exists(),
                                reason="needs root and loop devices")
_MB = 1 << 20
_NOBODY: Lab = object()  # type: ignore[assignment]  # the scripts ask no lab


@pytest.fixture
def ext4(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs scripts in a mount namespace in which ``DATA`` is a file system of 64 MB with one file on it."""
    image, place = tmp_path / "disk", tmp_path / "place"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(64 * _MB)
    run(["mke2fs", "-q", "-t", "ext4", "-m", "0", image], timeout=30)

    def inside(*scripts: str) -> subprocess.CompletedProcess[str]:
        prepared = [f"mount -o loop {image} {DATA}", f"echo kept > {DATA}/data", *scripts]
        text = " && ".join(prepared).replace(DATA, str(place))
        return subprocess.run(["unshare", "--mount", "sh", "-c", text], capture_output=True, text=True, timeout=60,
                              check=False)

    return inside


def alone(script: str) -> str:
    """As the node's shell runs it: on after a command that fails."""
    return f"sh -c {shlex.quote(script)}"


def disk_fault(name: str) -> DiskFault:
    fault = get_fault(name)
    assert isinstance(fault, DiskFault)
    return fault


def test_a_full_disk_refuses_writes_and_keeps_what_it_has(
        ext4: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    fault, target = disk_fault("disk.full"), Target(("n1",))
    shows = fault.shows(_NOBODY, "n1", target)
    undo = fault.undo(_NOBODY, "n1", target)
    assert undo.endswith(REVIVE)
    undo = undo.removesuffix(REVIVE)  # which is about the daemons of a node
    done = ext4(f"! {alone(shows)}",
                alone(fault.act(_NOBODY, "n1", target)), alone(shows), f"cat {DATA}/data",
                alone(undo), alone(undo), f"! {alone(shows)}", f"cat {DATA}/data; ls {DATA}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("No space left on device") == 1 and done.stdout.count("kept") == 2
    assert "halab" not in done.stdout.rpartition("kept")[2]  # nothing of it is left


def test_a_read_only_disk_is_told_from_a_full_one(ext4: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    target = Target(("n1",))
    readonly, full = (disk_fault(name).shows(_NOBODY, "n1", target) for name in ("disk.readonly", "disk.full"))
    done = ext4(f"mount -o remount,ro {DATA}", alone(readonly), f"! {alone(full)}",
                f"mount -o remount,rw {DATA}", f"! {alone(readonly)}")
    assert done.returncode == 0, done.stdout + done.stderr
