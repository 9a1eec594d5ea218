"""The kernel's limit on inotify instances, which many containers on one host run into.

All of a lab's systemds are the same user, root, to the kernel, as is the host's own; Debian gives
each user 128.  A systemd that gets none does not start its node.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

# Measured: the systemd of a node holds 5 or 6, and no other root process of a node holds one.
PER_NODE = 6


def free(proc: Path = Path("/proc")) -> int | None:
    """How many instances root may still make; None where that cannot be seen (no root)."""
    if os.geteuid() != 0:
        return None
    limit = int((proc / "sys/fs/inotify/max_user_instances").read_text())
    return limit - sum(_held(process) for process in proc.glob("[0-9]*"))


def _held(process: Path) -> int:
    """How many a process of root's has open; none if it ends meanwhile."""
    held = 0
    with suppress(OSError):
        if process.stat().st_uid != 0:
            return 0
        for descriptor in os.scandir(process / "fd"):
            with suppress(OSError):
                held += os.readlink(descriptor.path) == "anon_inode:inotify"  # noqa: PTH115 - hundreds of them
    return held
