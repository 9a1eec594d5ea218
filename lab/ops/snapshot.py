"""``lab.snapshot.*``: a whole healthy lab kept at one instant, and put back.

A snapshot belongs to its lab and goes with it.  It is a folder of the lab's, named only when
everything is in it, so that a half-saved one is never taken for one.  What happens to the nodes is
the driver's business (:class:`lab.drivers.base.Snapshots`).
"""

from __future__ import annotations

import errno
import math
import os
import re
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from lab import bmc, gates, interrupt, state, suppression
from lab.choices import unknown_choice
from lab.drivers.base import Snapshots
from lab.errors import CapabilityError, HostError, InterruptedByUser, RefusedError
from lab.gates import GateResult
from lab.lab import Lab
from lab.ops.fit import refuse_unhealed, refuse_unhealthy
from lab.ops.hold import held
from lab.state import Phase
from lab.state.events import Listener
from lab.state.home import LabPaths

DEFAULT_TIMEOUT = 300.0  # seconds to green gates, for nodes at full speed
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_RECORD = "snapshot.json"
_MARGIN = 64 << 20  # bytes that stay free: daemons go on writing while a copy is made


class Snapshot(BaseModel):
    """One snapshot.  ``plan`` is the digest of the plan that it was made on; ``at`` is epoch seconds.

    ``seconds`` is the whole saving up to the record, ``pause_seconds`` how long the nodes stood still in it,
    ``size_bytes`` the room on disk.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    at: float
    driver: str
    style: str
    profile: str
    nodes: int
    plan: str
    seconds: float
    pause_seconds: float
    size_bytes: int


@dataclass(frozen=True)
class RestoreResult:
    """``seconds`` from the call to green gates."""

    lab: str
    snapshot: str
    seconds: float
    gates: list[GateResult]


def save(lab_name: str, name: str, *, timeout: float = DEFAULT_TIMEOUT, listener: Listener | None = None) -> Snapshot:
    """Keep a healthy lab as ``name``; returns when its gates hold again.

    RefusedError before anything is touched: the name, an unhealed fault, a red gate, no room.
    """
    with held(lab_name, "lab.snapshot.save", listener) as lab:
        return keep(lab, name, timeout=timeout)


def restore(lab_name: str, name: str, *, timeout: float = DEFAULT_TIMEOUT,
            listener: Listener | None = None) -> RestoreResult:
    """Put a lab, healthy or not, back to what it was at ``name``; returns when its gates hold.

    RefusedError before anything is touched: no such snapshot, one of another plan, an unhealed fault, no room.
    """
    with held(lab_name, "lab.snapshot.restore", listener) as lab:
        return put_back(lab, name, timeout=timeout)


def snapshots(lab_name: str) -> list[Snapshot]:
    """The lab's snapshots, oldest first; half-saved ones are not among them."""
    return _all(Lab.open(lab_name).paths)


def delete(lab_name: str, name: str, *, listener: Listener | None = None) -> None:
    """Forget a snapshot; RefusedError, with the near one, if there is none of that name."""
    with held(lab_name, "lab.snapshot.delete", listener) as lab:
        if name in unfinished(lab.paths):
            refuse_unhealed(lab)  # a fault may be what makes a node stand still
            mend(lab)
            return
        found = find(lab.paths, name)
        folder = lab.paths.snapshots / found.name
        folder.rename(folder.with_name(f".{found.name}"))  # from here on it is not listed
        _sweep(lab, found.name)


def find(paths: LabPaths, name: str) -> Snapshot:
    """The snapshot of that name; RefusedError lists the ones there are."""
    known = {one.name: one for one in _all(paths)}
    if not known:
        raise RefusedError(f"lab '{paths.root.name}' has no snapshots", where=str(paths.snapshots),
                           remedy=f"./inv lab.snapshot.save clean --name={paths.root.name}")
    if name not in known:
        raise unknown_choice("snapshot", name, known, where=f"lab {paths.root.name}")
    return known[name]


def keep(lab: Lab, name: str, *, timeout: float = DEFAULT_TIMEOUT) -> Snapshot:
    """As :func:`save`, for a caller that holds the lab already."""
    begun = time.monotonic()
    driver = _snapshots(lab)
    _refuse_name(lab.paths, name)
    refuse_unhealed(lab)
    if mend(lab):
        gates.await_all(lab, time.monotonic() + timeout * lab.driver.slowness)
    refuse_unhealthy(lab, "and only a healthy lab is worth keeping")
    _refuse_without_room(lab.paths.root, driver.room(), f"saving '{name}'")
    interrupt.check("the nodes stand still")
    draft = lab.paths.snapshots / f".{name}"
    draft.mkdir(mode=0o700, parents=True)
    try:
        with lab.events.step("snapshot"), suppression.suppressed(lab.paths, "lab.snapshot.save"), _disk_errors(name):
            saved = driver.save(name, draft)
            time.sleep(_wary(lab, saved.pause_seconds))
            plan = lab.plan
            snapshot = Snapshot(
                name=name, at=time.time(), driver=plan.driver, style=plan.style, profile=plan.profile.name,
                nodes=len(plan.nodes), plan=plan.digest, seconds=round(time.monotonic() - begun, 2),
                pause_seconds=round(saved.pause_seconds, 3), size_bytes=saved.size_bytes)
            state.write_atomically(draft / _RECORD, snapshot.model_dump_json(indent=1))
            draft.rename(lab.paths.snapshots / name)
    except BaseException:
        with suppress(OSError):  # the error that led here is the one to show
            _sweep(lab, name)
        raise
    gates.await_all(lab, time.monotonic() + timeout * lab.driver.slowness)
    return snapshot


def put_back(lab: Lab, name: str, *, timeout: float = DEFAULT_TIMEOUT) -> RestoreResult:
    """As :func:`restore`, for a caller that holds the lab already."""
    from provision.apply import revive_files

    begun = time.monotonic()
    driver = _snapshots(lab)
    snapshot = find(lab.paths, name)
    _refuse_foreign(lab, snapshot)
    refuse_unhealed(lab)
    folder = lab.paths.snapshots / name
    _refuse_without_room(lab.paths.root, snapshot.size_bytes, f"restoring '{name}'")
    lab.driver.prepare()  # first: after a reboot of the host a driver cannot look for the snapshot
    with lab.events.step("copy"), _disk_errors(name):
        driver.stage(name, folder)
    try:
        interrupt.check("the nodes lose power")
    except InterruptedByUser:
        driver.unstage()
        raise
    state.record(lab.paths, Phase.RESTORING, name)
    # A new BMC: a boot that the old one has promised must not happen while the disks change hands.
    bmc.stop(lab.name)
    with ThreadPoolExecutor(1) as pool, suppression.suppressed(lab.paths, "lab.snapshot.restore"):
        service = pool.submit(bmc.start, lab)
        with lab.events.step("restore"):
            driver.restore(name, folder, revive_files(lab))
        lab.shell.close()
        service.result()
    results = gates.await_all(lab, begun + timeout * lab.driver.slowness)
    state.record(lab.paths, Phase.RUNNING)
    return RestoreResult(lab.name, name, round(time.monotonic() - begun, 2), results)


def unfinished(paths: LabPaths) -> list[str]:
    """The names of the snapshots whose saving or deleting was killed."""
    return sorted(path.name.removeprefix(".") for path in paths.snapshots.glob(".*"))


def mend(lab: Lab) -> list[str]:
    """Undo what a killed save or delete left: nodes that stand still go on, half a snapshot goes; the names.

    The lab is held, none of its faults is unhealed, and its driver is prepared.
    """
    names = unfinished(lab.paths)
    if not names:
        return []
    with lab.events.step("mend"), suppression.suppressed(lab.paths, "mending a snapshot that was not finished"):
        if still := _snapshots(lab).wake():
            time.sleep(_wary(lab, math.inf))
        for name in names:
            _sweep(lab, name)
    lab.events.emit("note", text=f"removed what was there of {_quoted(names)}, whose saving or deleting was killed"
                    + (f"; {', '.join(still)} stood still and go on" if still else ""))
    return names


def _quoted(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _all(paths: LabPaths) -> list[Snapshot]:
    found = []
    for record in paths.snapshots.glob(f"*/{_RECORD}"):
        if _NAME.fullmatch(record.parent.name):  # not a draft, and not one that is being deleted
            with suppress(ValidationError):  # of another version of halab: there is nothing to do with it
                found.append(Snapshot.model_validate_json(record.read_text()))
    return sorted(found, key=lambda one: one.at)


def _snapshots(lab: Lab) -> Snapshots:
    if "snapshot" not in lab.driver.capabilities:
        raise CapabilityError(f"the {lab.driver.name} driver makes no snapshots", where=f"lab {lab.name}",
                              remedy="a lab of containers or machines")
    return lab.driver.snapshots


def _refuse_name(paths: LabPaths, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise RefusedError(f"'{name}' cannot be a snapshot's name", where=f"lab {paths.root.name}",
                           remedy="a small letter or digit, then up to 30 small letters, digits or dashes")
    if (paths.snapshots / name).exists():
        raise RefusedError(f"there is a snapshot '{name}' already", where=f"lab {paths.root.name}",
                           remedy=f"another name, or ./inv lab.snapshot.delete {name} --name={paths.root.name}")


def _refuse_foreign(lab: Lab, snapshot: Snapshot) -> None:
    if snapshot.driver != lab.plan.driver:
        raise RefusedError(f"snapshot '{snapshot.name}' was made by the {snapshot.driver} driver",
                           where=f"lab {lab.name} is on the {lab.plan.driver} driver",
                           remedy=f"./inv lab.snapshot.list --name={lab.name}")
    if snapshot.plan != lab.plan.digest:
        raise RefusedError(f"snapshot '{snapshot.name}' was made on another plan",
                           where=f"it is {snapshot.style}, {snapshot.nodes} nodes, profile {snapshot.profile}; "
                                 f"lab {lab.name} is {lab.plan.style}, {len(lab.plan.nodes)} nodes, "
                                 f"profile {lab.plan.profile.name}",
                           remedy=f"./inv lab.snapshot.list --name={lab.name}")


def _refuse_without_room(folder: Path, needed: int, doing: str) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + _MARGIN:
        raise CapabilityError(f"there is no room for {doing}: it takes {needed >> 20} MB",
                              where=f"{free >> 20} MB are free at {folder}, and {_MARGIN >> 20} MB must stay so",
                              remedy=f"./inv lab.snapshot.list --name={folder.name}; delete what is not needed")


@contextmanager
def _disk_errors(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT) and os.strerror(errno.ENOSPC) not in str(error):
            raise
        where = error.where if isinstance(error, HostError) else str(error.filename or error)
        raise HostError(f"the disk is full; nothing of '{name}' was half done", where=where,
                        remedy="make room on that disk, then try again") from error


def _sweep(lab: Lab, name: str) -> None:
    """Remove what an interrupted save or delete of ``name`` left."""
    draft = lab.paths.snapshots / f".{name}"
    if draft.exists():
        _snapshots(lab).delete(name, draft)
        shutil.rmtree(draft)


def _wary(lab: Lab, pause: float) -> float:
    """Seconds for which fencing stays suppressed after the nodes go on.

    A pause well below the token timeout changes no membership, so there is nothing to wait for; after a
    longer one, a node that came back late may be taken for lost.
    """
    size = max(len(cluster.nodes) for cluster in lab.plan.clusters)
    token = lab.plan.profile.corosync.effective_token_ms(size) / 1000
    return 0.0 if pause < token / 2 else lab.plan.reaction(lab.driver.slowness)
