"""What is recorded of a lab beside its plan, and the lock that one command at a time holds.

Written whole and renamed into place, so that a reader never sees half a file.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO

from lab.errors import RefusedError
from lab.state.home import LabPaths, home, runtime

_DYING = 5.0  # seconds for what a killed command had just started to go on by itself


class Phase(StrEnum):
    """What a lab was last told to be, and whether it got there; ``lab.resume`` goes on from it.

    ``BUILDING`` until its gates were green once.  The words that end in -ing stay in the record when
    the command that wrote them was killed or failed.
    """

    BUILDING = "building"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    STARTING = "starting"
    RESTORING = "restoring"
    SCALING = "scaling"


@dataclass(frozen=True)
class LabState:
    """What ``state.json`` holds.  ``snapshot`` names the one that is being restored; ``at`` is epoch seconds.

    ``cluster`` and ``size`` say what ``lab.scale`` is on its way to.
    """

    phase: Phase = Phase.BUILDING
    snapshot: str = ""
    at: float = 0.0
    cluster: str = ""
    size: int = 0


def write_atomically(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace ``path`` with ``text``, flushed to disk before the name changes hands."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as sink:
        sink.write(text)
        sink.flush()
        os.fsync(sink.fileno())
    draft.rename(path)


def record(paths: LabPaths, phase: Phase, snapshot: str = "", *, cluster: str = "", size: int = 0) -> None:
    """Put the lab's phase on record; when this returns, it is on the disk."""
    write_atomically(paths.state, json.dumps(asdict(LabState(phase, snapshot, time.time(), cluster, size)), indent=2))


def recorded(paths: LabPaths) -> LabState:
    """The recorded state; BUILDING for a lab whose making stopped before the first."""
    if not paths.state.exists():
        return LabState()
    facts = json.loads(paths.state.read_text())
    if "phase" not in facts:  # of a halab that knew only whole and half-built labs
        return LabState(Phase.RUNNING if facts.get("complete") else Phase.BUILDING, at=facts.get("at", 0.0))
    return LabState(**{**facts, "phase": Phase(facts["phase"])})


def claim(name: str) -> None:
    """Note that the lab on this host is this home's; RefusedError if it is another's."""
    known = owner(name)
    if known == home():
        return
    if known is not None:
        raise RefusedError(f"lab '{name}' on this host belongs to another HALAB_HOME", where=str(known),
                           remedy=f"HALAB_HOME={known} ./inv lab.down --name={name}, or another --name")
    write_atomically(_owner_file(name), str(home()))


def disclaim(name: str) -> None:
    """The lab is gone from this host."""
    _owner_file(name).unlink(missing_ok=True)


def owner(name: str) -> Path | None:
    """The HALAB_HOME that claimed the name of this lab, if one did."""
    try:
        said = _owner_file(name).read_text()
    except FileNotFoundError:
        return None
    return Path(said) if said else None  # empty: of an older halab that was killed while it wrote


def claimed() -> list[str]:
    """The names of all labs that some HALAB_HOME of this host claims."""
    return _names("owners")


def locks() -> list[str]:
    """The names of all labs that have a lock file, held or not."""
    return _names("locks")


def busy(name: str) -> bool:
    """Whether a command holds the lab now; looked up, because to try the lock would be in that command's way."""
    try:
        inode = (runtime() / "locks" / name).stat().st_ino
    except FileNotFoundError:
        return False
    # "1: FLOCK  ADVISORY  WRITE 4711 00:19:1234 0 EOF" (proc(5)); a waiting one has "->" after the number.
    return any(f":{inode} " in line and "FLOCK" in line for line in Path("/proc/locks").read_text().splitlines())


def drop_lock(name: str) -> bool:
    """Remove the lab's lock file unless somebody holds it."""
    path = runtime() / "locks" / name
    try:
        with path.open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True


def _names(kind: str) -> list[str]:
    folder = runtime() / kind
    # A lab's name has no dot in front; a draft that was not renamed any more has.
    return sorted(path.name for path in folder.iterdir() if path.name[0] != ".") if folder.is_dir() else []


def _owner_file(name: str) -> Path:
    return runtime() / "owners" / name


@contextmanager
def exclusive(name: str, doing: str) -> Iterator[None]:
    """Hold the lab for one changing command; RefusedError names the command that holds it now.

    The kernel frees the lock when its holder dies, also by SIGKILL.
    """
    folder = runtime() / "locks"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _open_lock(folder / name, name) as lock:
        lock.truncate(0)
        lock.write(f"{doing}, pid {os.getpid()}")
        lock.flush()
        try:
            yield
        finally:
            lock.truncate(0)


def _open_lock(path: Path, name: str) -> IO[str]:
    """The lock file, locked; never one that lab.gc removed between its opening and its locking."""
    while True:
        lock = path.open("a+")
        try:
            _take(lock, name)
            if path.stat().st_ino == os.fstat(lock.fileno()).st_ino:
                return lock
        except FileNotFoundError:
            pass
        except BaseException:
            lock.close()
            raise
        lock.close()


def _take(lock: IO[str], name: str) -> None:
    """Lock the file, or raise RefusedError.

    A child that a killed holder was just starting keeps the lock until its exec: when the
    recorded holder is dead, that is waited for.
    """
    deadline = time.monotonic() + _DYING
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "another command"
        pid = holder.rpartition(" ")[2]
        if time.monotonic() > deadline or not pid.isdigit() or Path("/proc", pid).exists():
            raise RefusedError(f"lab '{name}' is busy", where=holder,
                               remedy="wait for it, or end it with Ctrl-C in its own terminal")
        time.sleep(0.02)
