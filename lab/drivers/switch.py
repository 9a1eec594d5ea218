"""The power switch of one node, which one hand holds at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from lab.state.home import LabPaths


@contextmanager
def in_hand(paths: LabPaths, node: str) -> Iterator[None]:
    """Nobody else switches the node meanwhile: the BMC and a command of a person are different processes."""
    folder = paths.node(node)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "power.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
