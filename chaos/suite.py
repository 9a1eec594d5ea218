"""Many scenarios, one after the other, on one lab, and one word about all of them.

A suite is ``full`` (everything that this lab can take), a tag, or the name of one scenario.  What the
lab cannot take is left out by name, never silently.  A suite that was stopped can go on with what is missing.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from chaos import preflight, runfolder, suitefolder
from chaos.model import Result
from chaos.runner import run
from chaos.scenario import Scenario, list_scenarios, load_scenario
from chaos.suitefolder import LeftOut, Restore, SuiteResult, Turn
from chaos.verdict import Verdict
from lab import interrupt, state
from lab.choices import unknown_choice
from lab.errors import CapabilityError, HalabError, NothingThereError, RefusedError
from lab.lab import Lab
from lab.ops import snapshot
from lab.ops.fit import refuse_unhealed
from lab.state import Phase
from lab.state.events import Listener

FULL = "full"
SNAPSHOT = "suite"
_TOLD = 8  # names of missing runs in one sentence
Tell = Callable[[Verdict], None]


class SuiteStopped(HalabError):
    """A suite that ended before its last run, with the exit code of what ended it; ``result`` is what there is."""

    def __init__(self, why: HalabError, result: SuiteResult) -> None:
        names = result.missing[:_TOLD]
        more = f" and {len(result.missing) - _TOLD} more" if len(result.missing) > _TOLD else ""
        down = f"take down: ./inv lab.down --name={result.lab}"
        others = f"resume: {result.resume}    {down}"
        super().__init__(f"{why.what}; suite {result.suite}: {result.progress}, missing: {', '.join(names)}{more}",
                         where="; ".join(filter(None, (why.where, str(result.folder)))),
                         remedy=f"{why.remedy}, then {result.resume}" if why.remedy else others)
        self.exit_code = why.exit_code
        self.result = result


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


def run_suite(lab: Lab, word: str, *, repeat: int | None = None, seed: int | None = None,
              restore: Restore | None = None, resume: bool = False, listener: Listener | None = None,
              tell: Tell = lambda verdict: None) -> SuiteResult:
    """Run the suite ``repeat`` times (1); with a ``seed`` above 0 in an order that it decides.

    ``restore`` says when the lab is put back to how it was at the beginning: after a run that did not PASS and, once,
    for one that is refused (``failed``, where the driver makes snapshots), before ``each`` one, or ``never``.  With
    ``resume`` the newest stopped suite of that name goes on, as it was planned.  ``tell`` gets each verdict.

    Raises, with nothing touched, what a first run would be refused with, CapabilityError for ``each`` without
    snapshots, RefusedError if nothing can be resumed; SuiteStopped, after healing, for what ends it later.
    """
    if listener is not None:
        lab.events.subscribe(listener)
    if resume:
        return _go_on(lab, _resumable(lab, word, repeat, seed, restore), listener, tell)
    draft = _planned(lab, word, 1 if repeat is None else repeat, seed or 0, restore or "failed")
    _refuse(lab, draft.turns[0])
    if before := suitefolder.stopped(lab.paths, word):
        lab.events.emit("note", text=f"a suite '{word}' was stopped before: {before}; this one begins anew "
                                     "(--resume goes on)")
    draft = _with_snapshot(lab, draft, listener)
    begun = replace(draft, folder=runfolder.fresh(lab.paths.suites, word))
    with suitefolder.held(begun.folder):
        suitefolder.write(lab, begun)
        return _run(lab, begun, listener, tell, clean=True)


def _planned(lab: Lab, word: str, repeat: int, seed: int, restore: Restore) -> SuiteResult:
    """The suite before its first run; it has no folder yet."""
    if repeat < 1:
        raise RefusedError("a suite runs at least once", where=f"--repeat={repeat}", remedy="--repeat=1")
    chosen, left_out = _possible(lab, choose(word))
    if restore == "each" and not _able(lab):
        raise CapabilityError(f"the {lab.driver.name} driver makes no snapshots, so the lab cannot be put back",
                              where=f"--restore={restore}", remedy="--restore=never")
    turns = [Turn(one.name, nth) for nth in range(1, repeat + 1) for one in chosen]
    if seed:
        random.Random(seed).shuffle(turns)
    return SuiteResult(word, lab.name, lab.plan.digest, repeat, seed, restore, tuple(turns), left_out, lab.paths.suites)


def _resumable(lab: Lab, word: str, repeat: int | None, seed: int | None, restore: Restore | None) -> SuiteResult:
    """The suite to go on with; RefusedError if there is none, if it is another one, or if the lab is."""
    folder = suitefolder.stopped(lab.paths, word)
    if folder is None:
        raise RefusedError(f"no suite '{word}' of lab '{lab.name}' was stopped, so there is nothing to resume",
                           where=str(lab.paths.suites), remedy=f"./inv chaos.suite {word} --name={lab.name}")
    found = suitefolder.load(lab.paths, folder)
    for option, given, recorded in (("repeat", repeat, found.repeat), ("seed", seed, found.seed),
                                    ("restore", restore, found.restore)):
        if given is not None and given != recorded:
            raise RefusedError(f"the stopped suite '{word}' was begun with --{option}={recorded}",
                               where=f"--{option}={given}; {found.folder}", remedy=found.resume)
    if found.plan != lab.plan.digest:
        raise RefusedError(f"lab '{lab.name}' has another plan than when the suite '{word}' was begun",
                           where=f"{found.folder}: {found.progress}",
                           remedy=f"./inv chaos.suite {word} --name={lab.name} begins anew")
    for one in found.turns:
        if one.verdict is None:
            preflight.refuse_unable(lab, load_scenario(one.scenario))
    return found


def _go_on(lab: Lab, stopped: SuiteResult, listener: Listener | None, tell: Tell) -> SuiteResult:
    """The missing runs, from the suite's own snapshot if there is one still, else on a healthy lab."""
    with suitefolder.held(stopped.folder):
        keeps = stopped.restore != "never" and _able(lab)
        own = keeps and stopped.snapshot is not None and stopped.snapshot in [
            one.at for one in snapshot.snapshots(lab.name) if one.name == SNAPSHOT]
        if own:
            refuse_unhealed(lab)
        else:
            _refuse(lab, next(one for one in stopped.turns if one.verdict is None))
            stopped = _with_snapshot(lab, stopped, listener)
            suitefolder.write(lab, stopped)
        lab.events.emit("note", text=f"going on with {stopped.folder}: {stopped.progress}")
        # Whatever the run was doing that did not end, the lab is put back before the next one.
        return _run(lab, stopped, listener, tell, clean=not own)


def _run(lab: Lab, result: SuiteResult, listener: Listener | None, tell: Tell, clean: bool) -> SuiteResult:
    """Run what is missing; ``clean`` says whether the lab is as it was at the beginning."""
    before, begun = result.seconds, time.monotonic()
    try:
        for turn in result.turns:
            if turn.verdict is not None:
                continue
            interrupt.check(f"scenario {turn.scenario}")
            scenario, fresh = load_scenario(turn.scenario), result.restore == "each" or not clean
            if result.snapshot is not None and fresh:
                result = _put_back(lab, result, listener)
            try:
                try:
                    verdict = run(lab, scenario)
                except NothingThereError:
                    raise
                except RefusedError as refused:
                    if result.snapshot is None or fresh:
                        raise
                    # The last run passed, and the cluster did something more after its end.
                    lab.events.emit("note", text=f"{refused.what}; putting it back and trying once more")
                    result, clean = _put_back(lab, result, listener), True
                    verdict = run(lab, scenario)
            except NothingThereError as missing:
                clean = clean or (fresh and result.snapshot is not None)
                lab.events.emit("note", text=f"{turn.scenario} is left out: {missing.what}")
                result = _without(result, turn, missing.what)
                suitefolder.write(lab, result)
                continue
            clean = verdict.result is Result.PASS
            turns = tuple(replace(one, verdict=verdict) if one is turn else one for one in result.turns)
            # After each run: what is there survives whatever ends the suite.
            result = replace(result, turns=turns, seconds=before + time.monotonic() - begun)
            suitefolder.write(lab, result)
            tell(verdict)
    except HalabError as error:
        raise SuiteStopped(error, result) from error
    if result.snapshot is not None:
        _forget(lab, listener)
    return result


def _refuse(lab: Lab, turn: Turn) -> None:
    """What a run would be refused with; that nothing is there for its fault is for :func:`_run` to leave out."""
    with suppress(NothingThereError):
        preflight.refuse(lab, load_scenario(turn.scenario))


def _without(result: SuiteResult, turn: Turn, why: str) -> SuiteResult:
    """What nothing in the lab answers to now is left out by name, as what the lab can never take is."""
    return replace(result, turns=tuple(one for one in result.turns if one is not turn),
                   left_out=(*result.left_out, LeftOut(turn.scenario, why)))


def _put_back(lab: Lab, result: SuiteResult, listener: Listener | None) -> SuiteResult:
    snapshot.restore(lab.name, SNAPSHOT, listener=listener)
    return replace(result, restores=result.restores + 1)


def _able(lab: Lab) -> bool:
    return "snapshot" in lab.driver.capabilities


def _with_snapshot(lab: Lab, result: SuiteResult, listener: Listener | None) -> SuiteResult:
    """The suite with a snapshot of the lab as it is now, if it is ever to be put back.

    One that another suite left is of another day, perhaps of another plan: it is made anew.
    """
    if result.restore == "never" or not _able(lab):
        return replace(result, snapshot=None)
    if SNAPSHOT in [one.name for one in snapshot.snapshots(lab.name)]:
        recorded = state.recorded(lab.paths)
        if recorded.phase is Phase.RESTORING and recorded.snapshot == SNAPSHOT:
            raise RefusedError(f"lab '{lab.name}' was being put back to the snapshot '{SNAPSHOT}', and is not yet",
                               where=str(lab.paths.state), remedy=f"./inv lab.resume --name={lab.name}")
        snapshot.delete(lab.name, SNAPSHOT, listener=listener)
    return replace(result, snapshot=snapshot.save(lab.name, SNAPSHOT, listener=listener).at)


def _forget(lab: Lab, listener: Listener | None) -> None:
    """The suite is through.  A suite that was stopped keeps its snapshot, to go on from the same beginning."""
    try:
        snapshot.delete(lab.name, SNAPSHOT, listener=listener)
    except Exception as error:  # it must not hide the verdicts
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
