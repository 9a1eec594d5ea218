"""What is broken on purpose and not yet repaired: the lab's fault journal.

One JSON line per change, appended and flushed to the disk *before* a fault acts, so that
whatever kills the tool, ``chaos.heal`` finds the inverse.  The worst that a crash can leave
is a fault that is on record and never happened; healing that is a no-op.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chaos.faults import all_faults, get_fault
from chaos.faults.base import FAULT_ID, with_params
from chaos.model import Proof, Target
from chaos.reach import await_proof
from lab.errors import HalabError, RefusedError
from lab.state.home import LabPaths

if TYPE_CHECKING:
    from lab.lab import Lab

HEALED_WITHIN = 120.0  # s for one healed fault to show: a node may have to boot first


@dataclass(frozen=True)
class Entry:
    """One fault that was armed.  ``target.params`` holds the same ``id`` for what needs a name."""

    id: str
    fault: str
    target: Target
    at: float


@dataclass(frozen=True)
class Healing:
    """How one fault was healed: the proof, when its inverse had acted (epoch seconds), and the error if it
    could not act, or if the journal could not be told that it did.  ``helped`` says what ought to have come back
    without the heal."""

    entry: Entry
    proof: Proof
    acted_at: float = 0.0
    error: str = ""
    helped: str = ""


class Journal:
    """One lab's journal.  Each write is one flushed line; nothing is ever rewritten."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def arm(self, fault: str, target: Target) -> Entry:
        """Put a fault on record; when this returns, it is on the disk."""
        identity = secrets.token_hex(4)
        entry = Entry(identity, fault, with_params(target, **{FAULT_ID: identity}), time.time())
        self._append({"id": entry.id, "fault": fault, "state": "armed", "at": round(entry.at, 4),
                      "target": {"nodes": list(entry.target.nodes), "params": entry.target.params,
                                 "selector": entry.target.selector}})
        return entry

    def mark_healed(self, entry: Entry) -> None:
        self._append({"id": entry.id, "fault": entry.fault, "state": "healed", "at": round(time.time(), 4)})

    def unhealed(self) -> list[Entry]:
        """The faults that are armed and not healed, oldest first."""
        open_faults: dict[str, Entry] = {}
        for record in self._records():
            if record["state"] == "healed":
                open_faults.pop(record["id"], None)
            else:
                raw = record["target"]
                target = Target(tuple(raw["nodes"]), raw["params"], raw["selector"])
                open_faults[record["id"]] = Entry(record["id"], record["fault"], target, record["at"])
        return list(open_faults.values())

    def _records(self) -> list[dict[str, Any]]:
        if not self._path.exists():
            return []
        lines = self._path.read_bytes().split(b"\n")
        records = []
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                records.append(json.loads(line))
            except ValueError as error:
                # A line without an end was being written when its writer died.  ``arm`` had
                # not returned, so that fault never acted.  ``_append`` seals such a line off.
                if number == len(lines) or line.endswith(_SEAL):
                    continue
                raise HalabError("the fault journal is damaged", where=f"{self._path}:{number}",
                                 remedy="look at that line before you remove it") from error
        return records

    def _append(self, record: dict[str, Any]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = not self._path.exists()
        fd = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
            if (size := os.fstat(fd).st_size) and os.pread(fd, 1, size - 1) != b"\n":
                line = _SEAL + b"\n" + line
            if (written := os.write(fd, line)) != len(line):
                # The disk is full.  Half a record is none: the next write seals it off.
                raise HalabError("the fault journal could not be written, so nothing may be broken now",
                                 where=f"{self._path}: {written} of {len(line)} bytes",
                                 remedy="make room on that disk")
            os.fsync(fd)
        finally:
            os.close(fd)
        if fresh:
            _fsync_directory(self._path.parent)


# Ends a torn line; not valid JSON after anything, so such a line can never be read as a record.
_SEAL = b"~torn"


def _fsync_directory(path: Path) -> None:
    """The file's *name* must survive as well as its content."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def unhealed(paths: LabPaths) -> list[Entry]:
    """What is still broken in this lab, oldest first; needs nothing but the journal."""
    return Journal(paths.journal).unhealed()


def heal_command(lab: str) -> str:
    return f"./inv chaos.heal --name={lab}"


def refuse_if_unhealed(paths: LabPaths, lab: str) -> None:
    """Raise RefusedError, with the command that heals, if a fault is still open."""
    if still := unhealed(paths):
        words = ", ".join(f"{entry.fault} on {' '.join(entry.target.nodes)}" for entry in still)
        raise RefusedError(f"lab '{lab}' is still broken from before", where=words, remedy=heal_command(lab))


def heal_all(lab: Lab, within: float = HEALED_WITHIN,
             sleep: Callable[[float], None] = time.sleep) -> list[Healing]:
    """Heal every open fault of the lab; HalabError names what could not be healed, after the rest was."""
    journal = Journal(lab.paths.journal)
    healings = heal(lab, journal, journal.unhealed(), within, sleep)
    failures = [f"{one.entry.fault} on {' '.join(one.entry.target.nodes)}: {one.error or one.proof.evidence}"
                for one in healings if one.error or not one.proof.ok]
    if failures:
        raise HalabError("not everything could be healed", where="; ".join(failures),
                         remedy=f"{heal_command(lab.name)} again, or ./inv lab.down --name={lab.name}")
    return healings


def heal(lab: Lab, journal: Journal, entries: list[Entry], within: float = HEALED_WITHIN,
         sleep: Callable[[float], None] = time.sleep) -> list[Healing]:
    """Heal these faults in the order packets, frozen nodes, power, services; never raises for one of them.

    All inverses act before the first proof is asked for: a node whose cables are back
    answers only once it is powered on again.  A fault whose inverse fails, or whose proof does
    not come within ``within`` seconds, stays in the journal; so does one that is healed and cannot be written down.
    """
    errors: dict[str, str] = {}
    helped: dict[str, str] = {}
    acted: dict[str, float] = {}
    ordered = _healing_order(entries)
    for entry in ordered:
        try:
            if words := get_fault(entry.fault).heal(lab, entry.target):
                helped[entry.id] = words
        except Exception as error:  # whatever is wrong with one fault, the others must be healed
            errors[entry.id] = _words(error)
        acted[entry.id] = time.time()
    done: list[Healing] = []
    for entry in ordered:
        if why := errors.get(entry.id, ""):
            done.append(Healing(entry, Proof(False, f"the heal failed: {why}"), acted[entry.id], why))
            continue
        proof = prove_healed(lab, entry, within, sleep)
        if proof.ok:
            try:
                journal.mark_healed(entry)
                lab.events.emit("fault.heal", " ".join(entry.target.nodes), fault=entry.fault, id=entry.id)
            except Exception as error:  # a full disk, say: the others' proofs must be asked for
                why = f"{proof.evidence}, but that could not be written down: {_words(error)}"
        done.append(Healing(entry, proof, acted[entry.id], why, helped.get(entry.id, "")))
    return done


def _words(error: Exception) -> str:
    return error.what if isinstance(error, HalabError) else repr(error)


def _healing_order(entries: list[Entry]) -> list[Entry]:
    """By HealRank, and newest first within a rank: faults are undone in the reverse of their order.

    A fault that this version does not know comes last; healing it then fails by name.
    """
    def rank(entry: Entry) -> str:
        fault = all_faults().get(entry.fault)
        return fault.rank.value if fault else "~"

    return sorted(reversed(entries), key=rank)  # sorted() keeps the order of equals


def prove_healed(lab: Lab, entry: Entry, within: float = HEALED_WITHIN,
                 sleep: Callable[[float], None] = time.sleep) -> Proof:
    """Wait for the fault's own proof that it is gone, and for its release; an error counts as not yet."""
    fault = get_fault(entry.fault)

    def look() -> Proof:
        try:
            proof = fault.healed(lab, entry.target)
            if proof.ok:
                fault.release(lab, entry.target)
        except Exception as error:  # as above: the others' proofs must be asked for
            return Proof(False, _words(error))
        return proof

    return await_proof(look, within * lab.driver.slowness, every=0.5, sleep=sleep)
