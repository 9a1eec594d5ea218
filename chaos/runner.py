"""One run of one scenario: refuse early, break once, heal always, write down everything.

The runner fills :class:`chaos.facts.Facts` and leaves judging to :mod:`chaos.verdict`.  The
order that matters: the journal is on the disk before the fault acts, the proof of effect is
taken while the fault holds, and the heal runs whatever happened before it.
"""

from __future__ import annotations

import secrets
import shlex
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from chaos import audit, journal, junit, nodelog, report, runfolder
from chaos.facts import Facts, GateResult, Injection
from chaos.faults import get_fault
from chaos.faults.base import BaseFault
from chaos.model import Proof, Target
from chaos.node_watch import NodeWatch
from chaos.preflight import probes_for, refuse
from chaos.preview import learn, services_of
from chaos.probes.fleet import ProbeFleet, ledger_file
from chaos.progress import await_phase, detected_at
from chaos.reach import await_proof
from chaos.scenario import Converge, Heal, Hold, Inject, Scenario, Steady, Step, Wait
from chaos.selectors import resolve
from chaos.verdict import Verdict, judge
from chaos.versions import read_versions
from lab import gates, interrupt
from lab.errors import DeadlineError, HalabError, InterruptedByUser
from lab.lab import Lab
from lab.net.network import guest_mac
from lab.state import exclusive
from lab.state.events import Listener

_SLOW_PERIOD = 1.0  # s between two operations of a probe where nodes are slow
_AGAIN = 1.0  # s until a red gate is looked at again: one lost answer is no loss of redundancy
CONVERGE_WITHIN = 180.0  # s, for ``heal`` outside a run
# As the report calls them (chaos.measure.PHASES).
_PHASE_NAMES = {"fence_requested": "fence requested", "fenced": "fenced", "vip_moved": "VIP up"}


def run(lab: Lab, scenario: Scenario, listener: Listener | None = None) -> Verdict:
    """Run the scenario as often as it says; the verdict is the first that is not as expected, or the last.

    Raises RefusedError or CapabilityError, with nothing touched, for a lab that is unhealed,
    not healthy, or not able; InterruptedByUser after healing.  Everything else that goes wrong
    is in the verdict, as BROKEN with its reason.
    """
    if listener is not None:
        lab.events.subscribe(listener)
    with exclusive(lab.name, f"chaos.run {scenario.name}"):
        for _ in range(scenario.repeat):
            refuse(lab, scenario)
            folder = runfolder.make(lab, scenario)
            _Run(lab, scenario, folder).go()
            verdict = judge(folder)
            write_report(lab, verdict)
            if not verdict.kept:
                break
    return verdict


def heal(lab: Lab, within: float = CONVERGE_WITHIN) -> list[journal.Healing]:
    """Heal whatever the journal holds and prove that the lab is whole again.

    Raises HalabError if a fault would not heal, DeadlineError if a gate stays red.
    """
    with exclusive(lab.name, "chaos.heal"):
        healed = journal.heal_all(lab)
        # A fault that lasted for a moment may still be on its way through the cluster: a node that
        # was cut off for two seconds is fenced when it is back already.  Seen on a real lab.
        gates.await_all(lab, time.monotonic() + within * lab.driver.slowness,
                        settle=lab.plan.reaction(lab.driver.slowness) if healed else 0.0)
    return healed


def write_report(lab: Lab, verdict: Verdict) -> None:
    """The page of the run, and its JUnit XML.  The verdict stands without them: a failure here is noted, not raised."""
    try:
        junit.write(verdict.run_dir, "halab", [verdict])
        report.write(verdict.run_dir)
    except Exception as error:
        lab.events.emit("note", text=f"the report was not written: {error!r}")


def _told(step: Step) -> str:
    """A step as the screen and the diary call it."""
    match step:
        case Steady() | Hold():
            return f"{step.word} for {step.seconds:g} s"
        case Inject():
            return f"inject {step.fault}, target {step.target}"
        case Wait():
            return f"waiting for {step.phase}"
        case _:
            return step.word


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it happened on top of: a heal that fails must not hide why it was needed."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


class _Run:
    """The state of one run; ``go`` ends with ``facts.json`` written, whatever happened."""

    def __init__(self, lab: Lab, scenario: Scenario, folder: Path) -> None:
        self._lab = lab
        self._folder = folder
        self._scenario = scenario
        self._journal = journal.Journal(lab.paths.journal)
        self._entries: list[journal.Entry] = []  # one for each of ``facts.injections``
        self._healed = False
        self._client = f"r{secrets.token_hex(6)}"
        plan = lab.plan
        self.facts = Facts(
            scenario=scenario.name, description=scenario.description, teaches=scenario.teaches,
            lab=lab.name, driver=lab.driver.name, style=plan.style,
            profile=plan.profile.name, nodes=tuple(node.name for node in plan.nodes),
            probes=probes_for(plan, scenario.workload.probes),
            # As many operations as on containers would be all that an emulated node can do.  One a second is
            # enough there: its windows are of tens of seconds.
            period=max(scenario.workload.period, _SLOW_PERIOD if lab.driver.slowness > 1 else 0.0),
            looked=True, sla=dict(scenario.sla),
            expect=scenario.expect.verdict.value, expect_checks=scenario.expect.checks,
            expect_also=scenario.expect.also,
            vips={vip.name: str(vip.address) for vip in plan.vips},
            macs={guest_mac(node.index, "control"): node.name for node in plan.nodes},
            nodeids={node.name: node.index for node in plan.nodes}, services=services_of(plan),
            clusters={one.name: tuple(node.name for node in plan.members(one.name)) for one in plan.clusters},
            rerun=shlex.join(["./inv", "chaos.run", scenario.given, f"--name={lab.name}"]))

    def _note(self, **changes: Any) -> None:
        self.facts = replace(self.facts, **changes)

    def go(self) -> None:
        self._note(started_at=time.time())
        try:
            self._break_and_heal()
            self._audit()
        except Exception as error:
            self._blame(error)
            # Ctrl-C is obeyed, after everything was put right; the rest is the verdict's to tell.
            if isinstance(error, InterruptedByUser):
                raise
        finally:
            self._note(ended_at=self.facts.ended_at or time.time(),
                       witnessed="witness" in self._lab.driver.capabilities)
            self._note(logged=nodelog.keep(self._lab, self._folder, self.facts.started_at or 0.0))
            runfolder.copy_events(self._lab, self._folder, self.facts.started_at or 0.0)
            self.facts.write(self._folder)

    def _break_and_heal(self) -> None:
        with ProbeFleet(self._folder) as fleet, NodeWatch(self._lab, self._folder) as watch:
            try:
                self._note(versions=read_versions(self._lab, self.facts.nodes[0]))
                runfolder.write_versions(self._folder, self.facts.versions)
                fleet.start(self._lab, self.facts.probes, self.facts.period, client=self._client,
                            message_bytes=self._scenario.workload.message_bytes)
                for step in self._scenario.steps:
                    with self._lab.events.step(f"chaos: {_told(step)}"):
                        self._do(step)
                self._note(undisturbed_until=time.time())  # the gates' looks are work, too
                self._still_whole()
                dead = [name for name, lives in fleet.alive().items() if not lives]
                if dead:
                    raise HalabError(f"a probe ended by itself: {', '.join(dead)}",
                                     where=str(self._folder / "probes"),
                                     remedy="its last words are there; then run the scenario again")
            finally:
                try:
                    self._heal()
                finally:
                    self._stop_measuring(fleet, watch)

    def _stop_measuring(self, fleet: ProbeFleet, watch: NodeWatch) -> None:
        """What did not end in order makes the run BROKEN; it is noted and not raised, so that it hides
        neither an error nor a Ctrl-C that is under way."""
        self._note(ended_at=time.time())
        try:
            watch.stop()
        except Exception as error:
            self._complain(f"the watch of the nodes broke off: {error}")
        self._note(primaries=watch.seen)
        for one in fleet.stop():
            if one.returncode:
                lines = one.last_words.splitlines()
                self._complain(f"the probe {one.name} ended with {one.returncode}: {lines[-1] if lines else 'no word'}")

    def _do(self, step: Step) -> None:
        match step:
            case Steady() | Hold():
                interrupt.wait(step.seconds)
            case Inject():
                self._inject(step)
            case Wait():
                self._wait(step)
            case Heal():
                self._look_again()
                self._heal()
            case Converge():
                self._converge(step)

    def _inject(self, step: Inject) -> None:
        lab, fault = self._lab, get_fault(step.fault)
        target = fault.prepare(lab, Target(resolve(lab, step.target), dict(step.params), step.target))
        injection = self._learn(fault, target)
        entry = self._journal.arm(fault.name, target)
        self._entries.append(entry)
        self._note(injections=(*self.facts.injections,
                               replace(injection, begin=time.time(), params=entry.target.params)))
        lab.events.emit("fault.inject", " ".join(target.nodes), fault=fault.name, id=entry.id)
        fault.inject(lab, entry.target)
        self._note_of(-1, end=time.time())
        if (struck := fault.struck(lab, entry.target)) is not None:
            self._note_of(-1, begin=struck)
        proof = await_proof(lambda: self._effect(entry), fault.shows_within * lab.driver.slowness)
        self._note_of(-1, took_effect=proof)
        lab.events.emit("note", text=f"{'took effect' if proof.ok else 'NO EFFECT'}: {proof.evidence}")
        self.facts.write(self._folder)

    def _note_of(self, at: int, **changes: Any) -> None:
        """Note something about one injection."""
        injections = list(self.facts.injections)
        injections[at] = replace(injections[at], **changes)
        self._note(injections=tuple(injections))

    def _learn(self, fault: BaseFault, target: Target) -> Injection:
        injection, reading = learn(self._lab, fault, target)
        if not self._entries:
            runfolder.write_timers(self._folder, reading.timers, reading.notes)
        return injection

    def _effect(self, entry: journal.Entry) -> Proof:
        try:
            return get_fault(entry.fault).took_effect(self._lab, entry.target)
        except HalabError as error:
            return Proof(False, f"cannot look: {error.what}")

    def _wait(self, step: Wait) -> None:
        last = self.facts.injections[-1]
        proof = await_phase(self._lab, step.phase, last.target, last.begin or 0.0,
                            step.within * self._lab.driver.slowness)
        if proof.ok and step.phase == "whole":
            now = time.time()
            self._note(injections=tuple(replace(one, whole_at=one.whole_at or now) for one in self.facts.injections))
        if not proof.ok:
            name = _PHASE_NAMES.get(step.phase, step.phase)
            self._note(phase_notes={**self.facts.phase_notes, name: proof.evidence})
            self._lab.events.emit("note", text=proof.evidence)

    def _heal(self) -> None:
        """Undo the faults and prove it; idempotent, and safe to call when nothing was broken."""
        if not self._entries or self._healed:
            return
        self._note(heal_begin=time.time())
        healings = {one.entry.id: one for one in journal.heal(self._lab, self._journal, self._entries)}
        self._healed = True
        self._note(heal_end=max(one.acted_at for one in healings.values()))
        for at, entry in enumerate(self._entries):
            helped = healings[entry.id].helped
            self._note_of(at, healed=healings[entry.id].proof, helped=helped)
            if helped:
                self._lab.events.emit("note", text=f"the heal had to help: {helped}")
        if failed := [one.error for one in healings.values() if one.error]:
            raise HalabError(f"the heal failed: {'; '.join(failed)}", remedy=journal.heal_command(self._lab.name))

    def _look_again(self) -> None:
        """Whether what ought to hold until now still does: a load that was killed proves nothing of the time after."""
        for at, entry in enumerate(self._entries):
            if (fault := get_fault(entry.fault)).endures:
                self._note_of(at, held=await_proof(partial(self._effect, entry),
                                                   fault.shows_within * self._lab.driver.slowness))

    def _converge(self, step: Converge) -> None:
        try:
            results = gates.await_all(self._lab, time.monotonic() + step.within * self._lab.driver.slowness)
            self._note(converged_at=time.time())
        except DeadlineError:
            # The cluster's failure, not ours: L4 says which gate.
            results = gates.check_all(self._lab)
        self._note_gates(results)

    def _still_whole(self) -> None:
        """Look at the gates once more before the probes stop: who was cut off for a moment may have been found whole
        before the others had given it up, and be fenced since.  A gate that is red twice is what L4 judges."""
        if self.facts.converged_at is None:
            return
        results = gates.check_all(self._lab)
        if not all(one.ok for one in results):
            interrupt.wait(_AGAIN)
            results = gates.check_all(self._lab)
        if not all(one.ok for one in results):
            self._note_gates(results)

    def _note_gates(self, results: list[gates.GateResult]) -> None:
        self._note(gates=tuple(GateResult(one.name, one.ok, one.seconds, one.detail) for one in results))

    def _audit(self) -> None:
        """After the probes have ended: what they were promised against what is there."""
        lab, facts = self._lab, self.facts
        if {"sql_write", "sql_bank"} & set(facts.probes):
            self._note(sql=audit.audit_sql(lab, self._client, ledger_file(self._folder, "sql_write")))
        for at, one in enumerate(facts.injections):
            if one.wants_fencing and one.begin is not None:
                members = lab.plan.members(lab.plan.node(one.target[0]).cluster)
                survivors = tuple(node.name for node in members if not one.hits(node.name))
                self._note_of(at, detected_at=detected_at(lab, survivors, one.begin))

    def _blame(self, error: Exception) -> None:
        words = "; after: ".join(str(one).replace("\n", "; ") or type(one).__name__ for one in _chain(error))
        self._complain(words)

    def _complain(self, words: str) -> None:
        """Write down that the tool failed; what was said before stays."""
        self._note(error="; ".join(filter(None, [self.facts.error, words])))
        self._lab.events.emit("note", text=f"the run broke: {words}")
