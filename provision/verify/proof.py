"""Requirements that only a fault can prove: what the recorded runs say of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lab.plan import Plan
from provision.verify.facts import LabFacts, Run
from provision.verify.model import Judgement, Result, passed, unproven

# What takes a node away without a goodbye.
NODE_LOSS = frozenset({"node.poweroff", "node.reset", "node.panic", "node.freeze", "net.isolate"})

# What ends one daemon with SIGKILL; which one, the parameter ``process`` of the run says.
KILLS = ("proc.kill", "lb.kill", "mq.leader_kill", "cache.kill")


def newest(facts: LabFacts, wanted: Callable[[Run], bool]) -> Run | None:
    """The newest run of this kind that proves anything: INVALID and BROKEN ones do not."""
    return next((run for run in facts.runs if run.verdict in ("PASS", "FAIL") and wanted(run)), None)


def judged_run(plan: Plan, run: Run) -> Judgement:
    """A run's verdict as a requirement's."""
    hit = f"{run.fault}{' ' + run.process if run.process else ''} on {', '.join(run.target)}"
    words = f"chaos.run {run.scenario}: {run.verdict} ({hit}; {run.name})"
    if run.verdict == "PASS":
        return passed(words)
    return Judgement(Result.FAIL, f"{words}: {', '.join(run.failed)} failed",
                     f"./inv report.open --run={run.name} --name={plan.lab}")


def by_run(plan: Plan, facts: LabFacts, faults: Iterable[str], so_far: str,
           wanted: Callable[[Run], bool] = lambda run: True, process: str = "") -> Judgement:
    """The newest run with one of ``faults``; without one ``so_far`` is all that is known."""
    kinds = tuple(faults)

    def fits(run: Run) -> bool:
        return run.fault in kinds and (not process or run.process == process) and wanted(run)

    run = newest(facts, fits)
    if run is None:
        void = next((f" ({one.name} is {one.verdict} and proves nothing)" for one in facts.runs if fits(one)), "")
        return unproven(f"no recorded run of this lab shows it{void}; {so_far}",
                        how_to_prove(plan, facts, kinds, process))
    said = judged_run(plan, run)
    return Judgement(said.result, f"{said.evidence}; {so_far}", said.remedy)


def how_to_prove(plan: Plan, facts: LabFacts, faults: Iterable[str], process: str = "") -> str:
    """The scenario to run, if halab has one for these faults."""
    for fault in faults:
        for known in facts.scenarios:
            if known.fault == fault and known.process == process:
                return f"./inv chaos.run {known.name} --name={plan.lab}"
    return f"no scenario that comes with halab does {' or '.join(faults)}{' to ' + process if process else ''} yet"
