"""Many scenarios, one after the other, on one lab, and one word about all of them.

A suite is ``full`` (everything that this lab can take), a tag, or the name of one scenario.  What the
lab cannot take is left out by name, never silently.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from chaos import junit, preflight, report, runfolder
from chaos.model import Result
from chaos.runner import run
from chaos.scenario import Scenario, list_scenarios
from chaos.verdict import Verdict
from lab import interrupt, state
from lab.choices import unknown_choice
from lab.errors import CapabilityError, RefusedError
from lab.lab import Lab
from lab.ops import snapshot
from lab.state import Phase
from lab.state.events import Listener

FULL = "full"
SNAPSHOT = "suite"
Restore = Literal["failed", "each", "never"]
_WORST_FIRST = (Result.BROKEN, Result.FAIL, Result.INVALID, Result.PASS)


@dataclass(frozen=True)
class LeftOut:
    """A scenario that this lab cannot take, and why."""

    scenario: str
    why: str


@dataclass(frozen=True)
class SuiteResult:
    """``verdicts`` in the order in which the scenarios ran; ``restores`` says how often the lab was put back."""

    suite: str
    lab: str
    seed: int
    verdicts: tuple[Verdict, ...]
    left_out: tuple[LeftOut, ...]
    seconds: float
    restores: int
    folder: Path

    @property
    def result(self) -> Result:
        """FAIL outweighs INVALID, a broken tool outweighs both; a suite without a run proves nothing.

        A FAIL that its scenario expects counts as kept, and a PASS where FAIL was expected as a FAIL.
        """
        seen = {one.counted for one in self.verdicts}
        return next((one for one in _WORST_FIRST if one in seen), Result.INVALID)

    def to_json(self) -> dict[str, Any]:
        return {"suite": self.suite, "lab": self.lab, "verdict": self.result.value, "seed": self.seed,
                "seconds": round(self.seconds, 1), "restores": self.restores,
                "runs": [one.to_json() for one in self.verdicts],
                "left_out": [{"scenario": one.scenario, "why": one.why} for one in self.left_out],
                "folder": str(self.folder)}


def choose(word: str) -> list[Scenario]:
    """The scenarios of a suite; RefusedError for a word that is no suite, tag or scenario."""
    known = list_scenarios()
    if word == FULL:
        return known
    tags = sorted({tag for one in known for tag in one.tags})
    chosen = [one for one in known if word in one.tags or word == one.name]
    if not chosen:
        raise unknown_choice("suite", word, [FULL, *tags, *(one.name for one in known)])
    return chosen


def run_suite(lab: Lab, word: str, *, repeat: int = 1, seed: int = 0, restore: Restore = "failed",
              listener: Listener | None = None,
              tell: Callable[[Verdict], None] = lambda verdict: None) -> SuiteResult:
    """Run the suite ``repeat`` times; with a ``seed`` above 0 in an order that it decides.

    ``restore`` says when the lab is put back to how it was at the beginning: after a run that did not
    PASS (where the driver makes snapshots), before each one, or never.  ``tell`` gets each verdict as it is
    there.  Raises what a first run would be refused with, CapabilityError for ``each`` without snapshots;
    InterruptedByUser after healing.
    """
    if repeat < 1:
        raise RefusedError("a suite runs at least once", where=f"--repeat={repeat}", remedy="--repeat=1")
    chosen, left_out = _possible(lab, choose(word))
    able = "snapshot" in lab.driver.capabilities
    if restore == "each" and not able:
        raise CapabilityError(f"the {lab.driver.name} driver makes no snapshots, so the lab cannot be put back",
                              where=f"--restore={restore}", remedy="--restore=never")
    order = chosen * repeat
    if seed:
        random.Random(seed).shuffle(order)
    begun, restores = time.monotonic(), 0
    verdicts: list[Verdict] = []
    clean = True
    keeps = restore != "never" and able
    with _snapshot(lab, listener) if keeps else nullcontext():
        folder = runfolder.fresh(lab.paths.suites, word)
        for one in order:
            interrupt.check(f"scenario {one.name}")
            if keeps and (restore == "each" or not clean):
                snapshot.restore(lab.name, SNAPSHOT, listener=listener)
                restores += 1
            verdict = run(lab, one, listener if not verdicts else None)
            clean = verdict.result is Result.PASS
            verdicts.append(verdict)
            tell(verdict)
            # After each run: what is there survives whatever ends the suite.
            result = SuiteResult(word, lab.name, seed, tuple(verdicts), left_out, time.monotonic() - begun,
                                 restores, folder)
            _write(lab, result)
    return result


@contextmanager
def _snapshot(lab: Lab, listener: Listener | None) -> Iterator[None]:
    """The lab as it is now, kept for as long as the suite runs.

    One that a suite left which was killed is of another day, perhaps of another plan: it is made anew.
    """
    if SNAPSHOT in [one.name for one in snapshot.snapshots(lab.name)]:
        snapshot.delete(lab.name, SNAPSHOT, listener=listener)
    snapshot.save(lab.name, SNAPSHOT, listener=listener)
    try:
        yield
    finally:
        # A restore that did not end needs it: lab.resume goes on with it.
        if state.recorded(lab.paths).phase is not Phase.RESTORING:
            try:
                snapshot.delete(lab.name, SNAPSHOT, listener=listener)
            except Exception as error:  # it must hide neither the verdicts nor what ended the suite
                lab.events.emit("note", text=f"the snapshot '{SNAPSHOT}' was not deleted: {error}")


def _possible(lab: Lab, chosen: list[Scenario]) -> tuple[list[Scenario], tuple[LeftOut, ...]]:
    """What this lab can take, and what not; RefusedError if nothing is left."""
    able, out = [], []
    for one in chosen:
        try:
            preflight.refuse_unable(lab, one)
        except (CapabilityError, RefusedError) as error:
            out.append(LeftOut(one.name, error.what))
        else:
            able.append(one)
    if not able:
        raise RefusedError("this lab can take none of these scenarios",
                           where="; ".join(f"{one.scenario}: {one.why}" for one in out),
                           remedy="./inv chaos.list shows what each needs")
    return able, tuple(out)


def _write(lab: Lab, result: SuiteResult) -> None:
    """The verdicts, which stand without their JUnit XML and page: a failure of these is noted, not raised."""
    temporary = result.folder / "suite.json.new"
    temporary.write_text(json.dumps(result.to_json(), indent=1) + "\n")
    temporary.replace(result.folder / "suite.json")
    try:
        junit.write(result.folder, f"halab.{result.suite}", result.verdicts)
        report.write_suite(result.folder, result)
    except Exception as error:
        lab.events.emit("note", text=f"the suite's report was not written: {error!r}")
