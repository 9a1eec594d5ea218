"""``provision.verify``: every requirement on one running lab."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from daemons.services import port
from lab.lab import Lab
from lab.plan import Plan
from lab.state import exclusive
from provision.verify import footprint, runs, trials
from provision.verify.facts import Answer, LabFacts, Unread
from provision.verify.model import Finding, Judgement, Result
from provision.verify.read import read_nodes
from provision.verify.requirements import all_requirements


def verify(lab: Lab) -> list[Finding]:
    """Look at the lab once and judge every requirement, in their order.

    RefusedError while another command works on the lab: its state would be that command's doing,
    and the trials must not meet a fault.
    """
    with exclusive(lab.name, "provision.verify"):
        facts = look(lab)
    return judge(lab.plan, facts)


def judge(plan: Plan, facts: LabFacts) -> list[Finding]:
    """Every requirement's finding.  Pure."""
    findings = []
    for requirement in all_requirements():
        try:
            said = requirement.judge(plan, facts)
        except Unread as unread:
            said = Judgement(Result.FAIL, f"could not be read: {unread}", f"./inv lab.status --name={plan.lab}")
        findings.append(Finding(requirement.id, said.result, requirement.sentence, said.evidence, said.remedy))
    return findings


def look(lab: Lab) -> LabFacts:
    """Everything that the judges may know, asked now."""
    with lab.events.step("requirements"), ThreadPoolExecutor(2) as pool:
        trying = pool.submit(trials.run_trials, lab)
        nodes = read_nodes(lab)
        # The client's own list, not the plan's: it is the list that is on trial.
        told = next((facts.clients.value for facts in nodes.values() if facts.clients.value), ())
        servers = [(one.host, one.port or port("memcached")) for one in told if one.option == "cache/memcache_servers"]
        moved = Answer("lab", "rendered without the last member", footprint.without_a_member(lab.plan, lab.secrets))
        tried = trying.result()
        spread = trials.spread(lab, servers)  # after the trial that empties the caches
        return LabFacts(nodes=nodes, writers=tried.writers, desync=tried.desync, maintenance=tried.maintenance,
                        fencing=tried.fencing, spread=spread, api=tried.api, moved=moved, runs=runs.runs_of(lab),
                        scenarios=runs.scenarios())
