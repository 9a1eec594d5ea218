"""From a baked tree to a disk that a virtual machine boots from.

The whole disk is one ext4 file system without partitions or boot loader; the machine is
started with the kernel and initrd that are laid beside it.  So it takes no loop device, no
``grub-install`` and no root for a mount.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from lab.errors import HostError
from lab.host.process import run

NAME = "disk.qcow2"
FORMAT = "1"  # raise it when the way of making disks changes and old ones must not be used
_SIZE = "8G"  # what a machine sees; only what is written takes room
_TIMEOUT = 300.0
# Everything is initialised now, or each machine would do it in the background of its first minutes.
_MKE2FS = ["mke2fs", "-q", "-t", "ext4", "-L", "halab", "-m", "0", "-J", "size=32",
           "-E", "lazy_itable_init=0,lazy_journal_init=0"]


def make(work: Path, progress: Callable[[str], None]) -> None:
    """Turn ``work/rootfs`` into ``disk.qcow2``, ``vmlinuz`` and ``initrd.img`` in ``work``; the tree is gone then."""
    tree = work / "rootfs"
    progress("taking out the kernel")
    for name in ("vmlinuz", "initrd.img"):
        found = sorted((tree / "boot").glob(f"{name}-*"))
        if not found:
            raise HostError(f"the baked tree has no {name}", where=str(tree / "boot"),
                            remedy="./inv image.bake --driver=vagrant --force")
        shutil.copy(found[-1], work / name)
        for path in found:
            path.unlink()
    progress("making the disk")
    raw = work / "disk.raw"
    run([*_MKE2FS, "-d", tree, raw, _SIZE], timeout=_TIMEOUT)
    run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, work / NAME], timeout=_TIMEOUT)
    raw.unlink()
    shutil.rmtree(tree)
