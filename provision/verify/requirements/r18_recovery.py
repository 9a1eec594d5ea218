"""R18, R19: recovery without an operator, of one daemon and of everything."""

from __future__ import annotations

from daemons.services import SERVICES
from lab.plan import Plan, Service
from provision.verify.facts import LabFacts
from provision.verify.model import Judgement, Requirement, Result, passed, unproven
from provision.verify.proof import KILLS, by_run, how_to_prove, judged_run, newest

_DAEMONS: tuple[tuple[str, Service | None], ...] = (
    *((daemon.process, service) for service, daemon in SERVICES.items()), ("corosync", None), ("pacemakerd", None))


def _daemon_revived(plan: Plan, facts: LabFacts) -> Judgement:
    seen, missing = [], []
    for process, service in _DAEMONS:
        if service is not None and not plan.running(service):
            continue
        run = newest(facts, lambda one: one.fault in KILLS and one.process == process)  # noqa: B023
        if run is None:
            missing.append(process)
        elif judged_run(plan, run).result is Result.FAIL:
            return judged_run(plan, run)
        elif run.helped:
            return Judgement(Result.FAIL, f"{run.name}, whose heal had to help: {run.helped}",
                             f"./inv report.open --run={run.name} --name={plan.lab}")
        else:
            seen.append(judged_run(plan, run).evidence)
    if not missing:
        return passed("; ".join(seen))
    ways = [how_to_prove(plan, facts, KILLS, process) for process in missing]
    return unproven(f"no recorded run kills {', '.join(missing)}" + "".join(f"; {one}" for one in seen),
                    next((way for way in ways if way.startswith("./inv")), ways[0]))


def _whole_cluster(plan: Plan, facts: LabFacts) -> Judgement:
    return by_run(plan, facts, ("cluster.blackout",), "Galera's agent bootstraps from the most advanced member",
                  lambda run: run.fault == "cluster.blackout")


REQUIREMENTS = (
    Requirement("R18", "A daemon that fails is recovered without an operator.",
                "for each daemon of the stack the newest recorded run that killed it (kill -9)", _daemon_revived),
    Requirement("R19", "After a total power-off the stack comes back by itself, Galera bootstrapped from the most "
                "advanced node.", "newest recorded run of a blackout", _whole_cluster),
)
