"""What a scenario would meet on a lab now: whom it would hit, the live timers, and what each service may lose by it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

from chaos import pacemaker
from chaos.bounds import Bounds, bounds
from chaos.facts import Facts, Injection, Timers
from chaos.faults import get_fault
from chaos.faults.base import BaseFault
from chaos.model import Proof, Target
from chaos.preflight import probes_for, refuse_unable
from chaos.roles import read_roles
from chaos.scenario import Hold, Inject, Scenario
from chaos.selectors import resolve
from chaos.sla import Limit, limit
from chaos.timers import Reading, read_timers
from lab.errors import HalabError
from lab.plan import Service

if TYPE_CHECKING:
    from lab.lab import Lab
    from lab.plan import Plan

SERVICES: tuple[Service, ...] = get_args(Service)


@dataclass(frozen=True)
class Preview:
    """``targets`` holds each fault with the nodes that its selector means now, or why nobody can say before it strikes;
    ``promises`` is what a service may be away at most, by the scenario."""

    targets: tuple[tuple[str, str], ...]
    timers: Timers
    notes: tuple[str, ...]  # of the timers that could not be read
    bounds: Bounds
    promises: dict[str, Limit]


def preview(lab: Lab, scenario: Scenario) -> Preview:
    """Looks and changes nothing.  CapabilityError or RefusedError for a lab that can never run this scenario."""
    refuse_unable(lab, scenario)
    injections: list[Injection] = []
    targets: list[tuple[str, str]] = []
    first: Reading | None = None
    at = 0.0
    for step in scenario.steps:
        at += step.seconds if isinstance(step, Hold) else 0.0  # how long a wait takes, nobody knows before
        if not isinstance(step, Inject):
            continue
        fault = get_fault(step.fault)
        try:
            target = fault.prepare(lab, Target(resolve(lab, step.target), dict(step.params), step.target))
            injection, reading = learn(lab, fault, target)
        except HalabError as error:
            targets.append((step.fault, f"{step.target}: known when it strikes ({error.what})"))
            continue
        first = first or reading
        injections.append(replace(injection, begin=at, params=target.params))
        targets.append((step.fault, f"{step.target} = {', '.join(target.nodes)}"))
    plan = lab.plan
    facts = Facts(
        scenario.name, lab.name, lab.driver.name, plan.style, plan.profile.name,
        tuple(node.name for node in plan.nodes),
        probes_for(plan, scenario.workload.probes), scenario.workload.period, tuple(injections),
        services=services_of(plan), sla=dict(scenario.sla))
    found = bounds(facts) if len(injections) == len(scenario.injections) else Bounds(
        {}, dict.fromkeys(facts.probes, "not every target is known before it strikes"))
    promises = {name: limit(facts.sla, name, found.known[name].high if name in found.known else None,
                            found.missing.get(name, "")) for name in (*found.known, *found.missing)}
    return Preview(tuple(targets), facts.timers, tuple(first.notes) if first else (), found, promises)


def learn(lab: Lab, fault: BaseFault, target: Target) -> tuple[Injection, Reading]:
    """What the bounds and the validity checks need to know about this target, before it breaks."""
    home = lab.plan.node(target.nodes[0]).cluster
    reading = read_timers(lab, target.nodes[0])
    members = tuple(node.name for node in lab.plan.members(home))
    fencing = None
    if lost := fault.may_be_fenced(target, members):
        config = pacemaker.cib(lab, home)
        proofs = [pacemaker.fences(config, node) for node in lost]
        fencing = Proof(all(proof.ok for proof in proofs), "; ".join(proof.evidence for proof in proofs))
    return Injection(fault.name, target.nodes, target.selector, wants_fencing=fault.fencing_follows(target),
                     fencing=fencing, starves=fault.starves(target), timers=reading.timers, roles=read_roles(lab),
                     members=members), reading


def services_of(plan: Plan) -> dict[str, tuple[str, ...]]:
    """By service, the nodes that ought to run it."""
    return {service: tuple(node.name for node in plan.running(service)) for service in SERVICES}
