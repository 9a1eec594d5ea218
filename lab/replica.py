"""A copy of a tree that others write to: most of it while they go on, the rest while they stand still.

:meth:`Draft.make` copies the living tree and may miss what changes under its hands; :meth:`Draft.settle`
then makes the copy equal.  It compares bytes instead of trusting times, because a mapped page changes a
file's time only when it is written the first time after it was flushed.  Big files are flushed before they
are copied, so their times can be trusted, and most need not be read again.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.errors import HostError
from lab.process import run

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
            raise HostError("the disk is full", where=f"{target}: {_FULL}")
        return cls(source, target, begun, flushed)

    def settle(self) -> None:
        """Make the copy equal to the tree, which stands still now."""
        self._folder(self.source, self.target)

    def _folder(self, source: Path, target: Path) -> None:
        target.mkdir(exist_ok=True)
        wanted = {entry.name for entry in os.scandir(source)}
        for entry in os.scandir(target):
            if entry.name not in wanted:
                _remove(Path(entry.path))
        for name in wanted:
            self._entry(source / name, target / name)
        _dress(source, target)

    def _entry(self, source: Path, target: Path) -> None:
        now = source.lstat()
        kind = stat.S_IFMT(now.st_mode)
        fresh = now.st_ctime > self.begun - _TICK
        if _kind(target) != kind or (fresh and kind == stat.S_IFLNK):
            _remove(target)
        missing = _kind(target) == 0
        if kind == stat.S_IFDIR:
            self._folder(source, target)
            return
        if kind == stat.S_IFREG:
            if missing or self.flushed.get(source) != now.st_ctime_ns:
                _settle_content(source, target, now.st_size)
        elif missing and kind == stat.S_IFLNK:
            target.symlink_to(source.readlink())
        elif missing:  # a whiteout of the overlay, a pipe, a socket
            os.mknod(target, now.st_mode, now.st_rdev)
        if fresh or missing:
            _dress(source, target)


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
    except FileNotFoundError:
        return 0


def _settle_content(source: Path, target: Path, size: int) -> None:
    here, there = bytearray(_CHUNK), bytearray(_CHUNK)
    reading = os.open(source, os.O_RDONLY)
    writing = os.open(target, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.ftruncate(writing, size)
        for offset in range(0, size, _CHUNK):
            length = os.preadv(reading, [here], offset)
            os.preadv(writing, [there], offset)
            # Behind the end of a short chunk both hold the same: what is left from the chunk before.
            if here != there:
                os.pwrite(writing, memoryview(here)[:length], offset)
                there[:] = here
    finally:
        os.close(reading)
        os.close(writing)


def _dress(source: Path, target: Path) -> None:
    """Owner, mode, times and extended attributes."""
    now = source.lstat()
    os.chown(target, now.st_uid, now.st_gid, follow_symlinks=False)
    shutil.copystat(source, target, follow_symlinks=False)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
