"""R26, R27: members come and go without the others' notice, and are tested before they serve."""

from __future__ import annotations

from lab.plan import Plan, Service
from provision.verify.facts import LabFacts
from provision.verify.model import Judgement, Requirement, judged, not_deployed, unproven

# The service itself, its proxy, and (when a whole node comes or goes) its own cluster's membership.
_OWN: dict[Service, tuple[str, ...]] = {
    "galera": ("galera", "galera_check", "haproxy"), "keystone": ("keystone", "haproxy")}
_MEMBERSHIP = ("corosync", "base", "pacemaker")


def _nobody_else(plan: Plan, facts: LabFacts) -> Judgement:
    if not plan.running("galera"):
        return not_deployed("no node runs Galera")
    home = {service: plan.running(service)[0].cluster for service in _OWN if plan.running(service)}
    problems = [f"{one.node}:{one.path} would change without a {one.leaves}" for one in facts.moved.get()
                if one.role not in _OWN[one.leaves]
                and not (one.role in _MEMBERSHIP and plan.node(one.node).cluster == home[one.leaves])]
    if problems:
        return judged(problems, "")
    drifted = [facts.nodes[node.name].drift for node in plan.nodes if facts.nodes[node.name].drift.get()]
    if drifted:
        return unproven("the nodes' files are not what was compared: " + drifted[0].shows(", ".join(drifted[0].get())),
                        f"./inv provision.apply --name={plan.lab}")
    changed = sorted({one.path for one in facts.moved.get()})
    return judged([], facts.moved.shows(f"of {', '.join(home)}: only {', '.join(changed)} would change; the nodes hold "
                                        "these very files (provision.diff is empty)")
                  + ("" if "keystone" in home else "; the API is not deployed"))


def _tested_first(plan: Plan, facts: LabFacts) -> Judgement:
    if not plan.running("haproxy") or not plan.running("galera"):
        return not_deployed("no database behind a proxy")
    if facts.maintenance.value is None:
        return unproven(facts.maintenance.shows(facts.maintenance.trouble), f"./inv lab.status --name={plan.lab}")
    seen = facts.maintenance.get()
    problems = []
    if seen.during != "MAINT":
        problems.append(facts.maintenance.shows(f"{seen.server} on {seen.proxy} is {seen.during}"))
    if not seen.answered:
        problems.append(facts.maintenance.shows(f"{seen.server} did not answer on its own address meanwhile"))
    if seen.after != "UP":
        problems.append(facts.maintenance.shows(f"{seen.server} on {seen.proxy} is {seen.after} after 'state ready'"))
    return judged(problems, facts.maintenance.shows(
        f"{seen.server} on {seen.proxy}: {seen.during}, answers SQL on its own address, then {seen.after}"))


REQUIREMENTS = (
    Requirement("R26", "Adding or removing a database (or API) node changes no other service's configuration; RabbitMQ "
                "and memcached, which are not proxied, are the honest exception.",
                "all files rendered with and without one member of the database, and of the API, by digest; the nodes "
                "hold the same files",
                _nobody_else),
    Requirement("R27", "A new machine can be configured and tested before the proxy sends it traffic.",
                "trial: one standby backend is put into maintenance on one proxy, asked directly, and taken back",
                _tested_first),
)
