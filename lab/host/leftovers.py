"""What halab has on this host's disk and in its kernel, and what of it belongs to no lab."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lab import state
from lab.state.home import home

_NAMESPACES = Path("/run/netns")
NSPAWN = Path("/run/systemd/nspawn")


def describe(root: Path | None = None, namespaces: Path = _NAMESPACES) -> Iterator[str]:
    """One sentence for each kind of thing found; nothing when there is nothing."""
    root = home() if root is None else root
    images = _folders(root / "images")
    labs = _folders(root / "labs")
    if images:
        yield f"{len(images)} image(s), {_size_mb(root / 'images')} MB: ./inv image.list"
    half = [path.name for path in images if path.name.endswith(".baking")]
    if half:
        yield f"{len(half)} half-baked image(s): ./inv image.prune"
    if labs:
        names = ", ".join(path.name for path in labs)
        yield f"{len(labs)} lab(s) ({names}), {_size_mb(root / 'labs')} MB: ./inv lab.list"
    known = {path.name for path in labs}
    # halab.<lab> and halab.<lab>.<node>; see lab.net.namespace
    found = {name.split(".")[1] for name in _names(namespaces) if name.startswith("halab.")}
    for lost in sorted(name for name in found - known if not _lives(name)):
        yield f"network namespaces of a lab '{lost}' that has no folder: ./inv lab.down --name={lost}"


def _lives(lab: str) -> bool:
    """Whether the lab is another home's, or a command works on it."""
    owner = state.owner(lab)
    return state.busy(lab) or (owner is not None and (owner / "labs" / lab / "plan.json").exists())


def nspawn_folders(lab: str) -> list[Path]:
    """nspawn's own run-time folders of the lab's nodes, which a killed supervisor leaves behind."""
    found = NSPAWN.glob(f"*/halab-{lab}-*")
    # Node names hold no dash: "halab-a-*" must not reach the lab "a-b".
    return [path for path in found if "-" not in path.name.removeprefix(f"halab-{lab}-")]


def nspawn_labs() -> set[str]:
    """Every lab's name that such a folder carries."""
    return {path.name.removeprefix("halab-").rpartition("-")[0] for path in NSPAWN.glob("*/halab-*-*")}


def _names(folder: Path) -> list[str]:
    with suppress(OSError):
        return sorted(path.name for path in folder.iterdir())
    return []


def _folders(folder: Path) -> list[Path]:
    return [folder / name for name in _names(folder) if (folder / name).is_dir()]


def _size_mb(folder: Path) -> int:
    """Disk blocks of all files below, in MB, without entering mounted filesystems (nodes' overlays)."""
    total = 0
    try:
        device = folder.stat().st_dev
    except OSError:
        return 0
    for where, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if _device(Path(where) / name) == device]
        for name in files:
            with suppress(OSError):
                total += os.lstat(Path(where) / name).st_blocks * 512
    return total // 2**20


def _device(path: Path) -> int:
    try:
        return os.lstat(path).st_dev
    except OSError:
        return -1
