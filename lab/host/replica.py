"""A copy of a tree that others write to: most of it while they go on, the rest while they stand still.

:meth:`Draft.make` copies the living tree and may miss what changes under its hands; :meth:`Draft.differences`
is then read while the tree stands still, and corrects the copy when it goes on again.  Reading is all that
happens in between: a write may wait for the disk's journal.

Bytes are compared instead of times trusted, because a mapped page changes a file's time only when it is
written the first time after it was flushed.  Big files are flushed before they are copied, so their times can
be trusted, and most need not be read again.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lab.errors import HostError
from lab.host.process import run

Correction = Callable[[], object]

_COPY = ("cp", "--archive", "--reflink=auto", "--no-target-directory")
_FULL = os.strerror(errno.ENOSPC)
_TIMEOUT = 300.0  # seconds for one tree
_TICK = 1.0  # seconds by which a file's time may be behind the clock
_BIG = 1 << 20  # bytes from which on a file is worth a flush
_CHUNK = 256 << 10  # bytes; two of them stay in the processor's cache


def copy(source: Path, target: Path) -> None:
    """A tree that nobody writes to, with owners, modes, times, extended attributes and holes."""
    run([*_COPY, "--sparse=auto", source, target], timeout=_TIMEOUT)


@dataclass(frozen=True)
class Draft:
    """A first copy.  ``flushed`` maps a big file to its change time (ns) before it was flushed and copied."""

    source: Path
    target: Path
    begun: float
    flushed: dict[Path, int]

    @classmethod
    def make(cls, source: Path, target: Path) -> Draft:
        """Copy a living tree: files may come, go and change meanwhile.  HostError when the disk is full."""
        begun = time.time()
        flushed = {}
        for where, _, files in os.walk(source):
            for name in files:
                path = Path(where, name)
                with suppress(FileNotFoundError):
                    now = path.lstat()
                    # What changed within the last tick could change once more without another time.
                    if stat.S_ISREG(now.st_mode) and now.st_size >= _BIG and now.st_ctime < begun - _TICK:
                        _flush(path)
                        flushed[path] = now.st_ctime_ns
        # Holes for zeros: a preallocated file is mostly that.
        done = run([*_COPY, "--sparse=always", source, target], timeout=_TIMEOUT, check=False)
        if _FULL in done.stderr:
            raise HostError("the disk is full", where=f"{target}: {_FULL}",
                            remedy="make room on that disk, then try again")
        return cls(source, target, begun, flushed)

    def differences(self) -> list[Correction]:
        """What makes the copy equal to the tree, which stands still now: to be called in this order, later."""
        return list(self._folder(self.source, self.target))

    def _folder(self, source: Path, target: Path) -> Iterator[Correction]:
        there = _kind(target) == stat.S_IFDIR
        if not there:
            yield partial(_renew, target)
            yield partial(target.mkdir, parents=True)
        wanted = {entry.name for entry in os.scandir(source)}
        for entry in os.scandir(target) if there else ():
            if entry.name not in wanted:
                yield partial(_renew, Path(entry.path))
        for name in sorted(wanted):
            yield from self._entry(source / name, target / name)
        yield _dress(source, target)

    def _entry(self, source: Path, target: Path) -> Iterator[Correction]:
        now = source.lstat()
        kind = stat.S_IFMT(now.st_mode)
        if kind == stat.S_IFDIR:
            yield from self._folder(source, target)
            return
        fresh = now.st_ctime > self.begun - _TICK
        missing = _kind(target) != kind or (fresh and kind == stat.S_IFLNK)
        if missing:
            yield partial(_renew, target)
        if kind == stat.S_IFREG:
            if missing or self.flushed.get(source) != now.st_ctime_ns:
                yield from _content(source, target, now.st_size, missing)
        elif missing and kind == stat.S_IFLNK:
            yield partial(target.symlink_to, source.readlink())
        elif missing:  # a whiteout of the overlay, a pipe, a socket
            yield partial(os.mknod, target, now.st_mode, now.st_rdev)
        if fresh or missing:
            yield _dress(source, target)


def _flush(path: Path) -> None:
    """Write a file's pages back, so that the next write to each of them changes the file's time."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _kind(path: Path) -> int:
    """The file type bits of ``path``; 0 when there is nothing."""
    try:
        return stat.S_IFMT(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _content(source: Path, target: Path, size: int, missing: bool) -> Iterator[Correction]:
    """The chunks that differ, with what they must hold."""
    here, there = bytearray(_CHUNK), bytearray(_CHUNK)
    reading = os.open(source, os.O_RDONLY)
    other = None if missing else os.open(target, os.O_RDONLY)
    try:
        if other is None or os.fstat(other).st_size != size:
            yield partial(_resize, target, size)
        for offset in range(0, size, _CHUNK):
            length = os.preadv(reading, [here], offset)
            found = 0 if other is None else os.preadv(other, [there], offset)
            if found < length or here[:length] != there[:length]:
                yield partial(_write, target, offset, bytes(here[:length]))
    finally:
        os.close(reading)
        if other is not None:
            os.close(other)


def _resize(target: Path, size: int) -> None:
    with target.open("ab") as sink:
        sink.truncate(size)


def _write(target: Path, offset: int, data: bytes) -> None:
    with target.open("r+b") as sink:
        sink.seek(offset)
        sink.write(data)


def _dress(source: Path, target: Path) -> Correction:
    """Owner, mode, extended attributes and times, as they are now."""
    now = source.lstat()
    attributes = {name: os.getxattr(source, name, follow_symlinks=False)
                  for name in os.listxattr(source, follow_symlinks=False)}

    def dress() -> None:
        os.chown(target, now.st_uid, now.st_gid, follow_symlinks=False)
        if not stat.S_ISLNK(now.st_mode):
            target.chmod(stat.S_IMODE(now.st_mode))
        for name in set(os.listxattr(target, follow_symlinks=False)) - set(attributes):
            os.removexattr(target, name, follow_symlinks=False)
        for name, value in attributes.items():
            os.setxattr(target, name, value, follow_symlinks=False)
        os.utime(target, ns=(now.st_atime_ns, now.st_mtime_ns), follow_symlinks=False)

    return dress


def _renew(path: Path) -> None:
    """Make room for another kind of thing of that name, or for nothing."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
