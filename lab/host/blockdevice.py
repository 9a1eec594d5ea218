"""Which disk of this host a folder lies on."""

from __future__ import annotations

import os
from pathlib import Path

_SYS = Path("/sys/dev/block")


def disk_of(folder: Path) -> str | None:
    """``major:minor`` of the whole disk below ``folder``; None where a file system has none (tmpfs, overlay, btrfs)."""
    return whole_disk(folder.stat().st_dev)


def whole_disk(number: int, known: Path = _SYS) -> str | None:
    """``major:minor`` of the disk that the block device ``number`` is or is a partition of; None if it is neither."""
    device = known / f"{os.major(number)}:{os.minor(number)}"
    if not device.exists():
        return None
    # A partition is a folder within its disk's.
    whole = device.resolve().parent if (device / "partition").exists() else device
    return (whole / "dev").read_text().strip()
