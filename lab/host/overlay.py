"""A container node's disk: an overlay on the read-only image, and files laid down on it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from lab.errors import HostError
from lab.host.cgroups import MAKING, Cgroup
from lab.host.process import run
from lab.node.files import File


def mount(lab: str, folder: Path, lower: Path) -> Path:
    """Mount the overlay of a node of ``lab`` at ``folder/root`` and return that path; idempotent."""
    root = folder / "root"
    for part in (folder / "upper", folder / "work", root):
        part.mkdir(parents=True, exist_ok=True)
    # nspawn refuses an os tree whose top is not 0755.
    root.chmod(0o755)
    (folder / "upper").chmod(0o755)
    if not root.is_mount():
        options = f"lowerdir={lower},upperdir={folder / 'upper'},workdir={folder / 'work'}"
        Cgroup(lab, MAKING).run(["mount", "-t", "overlay", "halab", "-o", options, root], timeout=10)
    return root


def unmount(folder: Path) -> None:
    unmount_below(folder)


def unmount_below(folder: Path) -> None:
    """Unmount every file system mounted at or below ``folder``, deepest first."""
    prefix = f"{folder}/"
    points = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = _unescape(line.split()[4])
        if point == str(folder) or point.startswith(prefix):
            points.append(point)
    for point in sorted(points, key=len, reverse=True):
        # Lazily: a killed supervisor may hold the tree for some milliseconds more.
        run(["umount", "-l", point], timeout=10)


def lay_down(root: Path, files: Iterable[File]) -> None:
    """Write ``files`` below ``root`` with their owners and modes, never outside it."""
    for file in files:
        _write(root, file)


def _write(root: Path, file: File) -> None:
    relative = Path(file.path).relative_to("/")
    parent = root
    for part in relative.parts[:-1]:
        parent = parent / part
        if parent.is_symlink():
            # An absolute link such as /var/run -> /run would lead out of the node's disk.
            raise HostError(f"{file.path} goes through a symbolic link", where=str(parent),
                            remedy="use the real path in the role")
        parent.mkdir(exist_ok=True)
    path = root / relative
    if path.is_symlink() or (path.exists() and file.link is not None):
        path.unlink()
    if file.link is not None:
        path.symlink_to(file.link)
        return
    uid, gid = _id(root, "passwd", file.owner), _id(root, "group", file.group)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as sink:  # a full disk raises here, not a short write
            sink.write(file.content)
        os.fchown(descriptor, uid, gid)
        os.fchmod(descriptor, stat.S_IMODE(file.mode))
    finally:
        os.close(descriptor)


def _unescape(field: str) -> str:
    """A field of mountinfo, where blanks and backslashes are octal: ``\\040`` (proc(5))."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found.group(1), 8)), field)


@lru_cache(maxsize=256)
def _id(root: Path, table: str, name: str) -> int:
    """A user's or group's number in the node's own tables, not the host's."""
    for line in (root / "etc" / table).read_text().splitlines():
        fields = line.split(":")
        if fields[0] == name:
            return int(fields[2])
    raise HostError(f"there is no '{name}' in the image's /etc/{table}", where=str(root),
                    remedy="./inv image.bake --force")
