"""The folder of a suite: what was planned, from its beginning on, and what came of it so far.

``suite.json`` is written before the first run and after each.  Whatever ends a suite, its folder says which
runs are missing, and the same suite can go on with them.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from chaos import junit, report
from chaos.model import Result
from chaos.recording import Recording
from chaos.verdict import Verdict, verdict_of
from lab.errors import RefusedError
from lab.lab import Lab
from lab.state import write_atomically
from lab.state.home import LabPaths

Restore = Literal["failed", "each", "never"]
SUITE_FILE = "suite.json"
_WORST_FIRST = (Result.BROKEN, Result.FAIL, Result.INVALID, Result.PASS)


@dataclass(frozen=True)
class LeftOut:
    """A scenario that this lab cannot take, and why."""

    scenario: str
    why: str


@dataclass(frozen=True)
class Turn:
    """One place in a suite's order: a scenario, for which time (from 1), and its verdict once it has run."""

    scenario: str
    repeat: int
    verdict: Verdict | None = None


@dataclass(frozen=True)
class SuiteResult:
    """A suite, through or not: ``turns`` are all that it planned, in their order.

    ``plan`` is the digest of the lab's plan, ``snapshot`` when the suite's own was made (epoch seconds; None:
    it has none), ``seconds`` how long the suite has worked, ``restores`` how often the lab was put back.
    """

    suite: str
    lab: str
    plan: str
    repeat: int
    seed: int
    restore: Restore
    turns: tuple[Turn, ...]
    left_out: tuple[LeftOut, ...]
    folder: Path
    snapshot: float | None = None
    seconds: float = 0.0
    restores: int = 0

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Those of the runs that there were."""
        return tuple(one.verdict for one in self.turns if one.verdict)

    @property
    def missing(self) -> tuple[str, ...]:
        """The runs that there were not, in words."""
        return tuple(one.scenario + (f" ({one.repeat} of {self.repeat})" if self.repeat > 1 else "")
                     for one in self.turns if not one.verdict)

    @property
    def result(self) -> Result:
        """FAIL outweighs INVALID, a broken tool outweighs both; a suite that is not through proves nothing.

        A FAIL that its scenario expects counts as kept, and a PASS where FAIL was expected as a FAIL.
        """
        seen = {one.counted for one in self.verdicts}
        if self.missing:
            seen.add(Result.INVALID)
        return next((one for one in _WORST_FIRST if one in seen), Result.INVALID)

    @property
    def progress(self) -> str:
        return f"{len(self.verdicts)} of {len(self.turns)} scenarios have run"

    @property
    def resume(self) -> str:
        """The command that goes on with this suite."""
        return f"./inv chaos.suite {self.suite} --name={self.lab} --resume"

    def to_json(self) -> dict[str, Any]:
        return {"suite": self.suite, "lab": self.lab, "verdict": self.result.value, "complete": not self.missing,
                "plan": self.plan, "repeat": self.repeat, "seed": self.seed, "restore": self.restore,
                "snapshot": self.snapshot, "seconds": round(self.seconds, 1), "restores": self.restores,
                "planned": [{"scenario": one.scenario, "repeat": one.repeat,
                             "run": one.verdict.run_dir.name if one.verdict else None,
                             "verdict": one.verdict.word if one.verdict else None} for one in self.turns],
                "resume": self.resume if self.missing else None,
                "runs": [one.to_json() for one in self.verdicts],
                "left_out": [{"scenario": one.scenario, "why": one.why} for one in self.left_out],
                "folder": str(self.folder)}


def write(lab: Lab, result: SuiteResult) -> None:
    """The record, which stands without its JUnit XML and page: a failure of these is noted, not raised."""
    write_atomically(result.folder / SUITE_FILE, json.dumps(result.to_json(), indent=1) + "\n")
    try:
        junit.write(result.folder, f"halab.{result.suite}", result.verdicts, missing=result.missing,
                    why=f"{result.progress}; {result.resume} goes on")
        report.write_suite(result.folder, result)
    except Exception as error:
        lab.events.emit("note", text=f"the suite's report was not written: {error!r}")


def stopped(paths: LabPaths, suite: str) -> Path | None:
    """The folder of the newest suite of that name that has runs missing, if there is one."""
    for folder in sorted(paths.suites.glob(f"*-{suite}*"), reverse=True):  # their names begin with the time
        record = _read(folder / SUITE_FILE)
        if record is not None and record.suite == suite and not record.complete:
            return folder
    return None


def load(paths: LabPaths, folder: Path) -> SuiteResult:
    """A suite as recorded; RefusedError if that cannot be read.

    Runs are judged again from their own files.  One has to run again if these are gone or no longer say what they
    said: a host that lost its power may have kept half of them.
    """
    record = _read(folder / SUITE_FILE)
    if record is None:
        raise RefusedError("the record of this suite cannot be read", where=str(folder / SUITE_FILE),
                           remedy="run the suite again without --resume: it is damaged")
    turns = tuple(Turn(one.scenario, one.repeat, _verdict(paths.runs, one)) for one in record.planned)
    return SuiteResult(record.suite, record.lab, record.plan, record.repeat, record.seed, record.restore, turns,
                       tuple(LeftOut(one.scenario, one.why) for one in record.left_out), folder,
                       record.snapshot, record.seconds, record.restores)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep a suite from running twice; RefusedError if it does already.  The kernel frees it when its holder dies."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RefusedError("this suite has not stopped, it is running", where=str(folder),
                               remedy="wait for it, or end it with Ctrl-C in its own terminal") from None
        yield
    finally:
        os.close(handle)


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")  # what is made of these (verdicts, words) is not read


class _Planned(_Value):
    scenario: str
    repeat: int
    run: str | None
    verdict: str | None


class _Left(_Value):
    scenario: str
    why: str


class _Record(_Value):
    suite: str
    lab: str
    complete: bool
    plan: str
    repeat: int
    seed: int
    restore: Restore
    snapshot: float | None
    seconds: float
    restores: int
    planned: tuple[_Planned, ...]
    left_out: tuple[_Left, ...]


def _read(path: Path) -> _Record | None:
    try:
        return _Record.model_validate_json(path.read_text())
    except (FileNotFoundError, ValidationError):  # of a halab that recorded no plan: nobody can go on with it
        return None


def _verdict(runs: Path, planned: _Planned) -> Verdict | None:
    if planned.run is None:
        return None
    try:
        verdict = verdict_of(Recording.load(runs / planned.run))
    except (RefusedError, ValueError):  # its facts cannot be read, or one of its other files is torn
        return None
    return verdict if verdict.word == planned.verdict else None
