"""R13..R15: what Pacemaker runs, what systemd runs, and who notices what died."""

from __future__ import annotations

from daemons.services import GALERA_CHECK_UNIT, SERVICES
from lab.plan import Plan
from provision.verify.facts import LabFacts
from provision.verify.model import Judgement, Requirement, Result, judged, not_deployed
from provision.verify.proof import by_run

_STATELESS = {"memcached": f"{SERVICES['memcached'].unit}.service", "galera": f"{GALERA_CHECK_UNIT}.service",
              "keystone": f"{SERVICES['keystone'].unit}.service"}


def _managed(plan: Plan, service: str) -> bool:
    """Whether Pacemaker shall run it in this lab's scope."""
    if plan.pacemaker == "full":
        return True
    return plan.rabbitmq == "pacemaker" if service == "rabbitmq" else service in ("haproxy", "galera")


def _adopted(plan: Plan, service: str) -> bool:
    """Started at boot and revived by systemd although Pacemaker has it: the profile's choice, for its speed."""
    return service == "haproxy" and plan.pacemaker == "core" and plan.profile.haproxy.restart_by_systemd


def _scope(plan: Plan, facts: LabFacts) -> Judgement:
    problems, words = [], []
    for cluster in plan.clusters:
        answer = facts.nodes[cluster.nodes[0]].cib
        types = [one.type for one in answer.get().primitives if not one.agent.startswith("stonith:")]
        for service, daemon in SERVICES.items():
            wanted = service in cluster.services and _managed(plan, service)
            there = any(kind in daemon.agents for kind in types)
            if wanted != there:
                problems.append(answer.shows(f"{service} is {'no' if wanted else 'a'} resource in cluster "
                                             f"{cluster.name}, scope {plan.pacemaker}"))
        if "IPaddr2" not in types and any(vip.cluster == cluster.name for vip in plan.vips):
            problems.append(answer.shows(f"no VIP in cluster {cluster.name}"))
        words.append(answer.shows(", ".join(sorted(set(types))) or "fencing only"))
    problems += _enabled_twice(plan, facts)
    early = _adopted(plan, "haproxy") and bool(plan.running("haproxy"))
    note = f"; haproxy.service also starts at boot and is revived by systemd, as profile {plan.profile.name} wants it"
    return judged(problems, f"scope {plan.pacemaker}: {'; '.join(words)}{note if early else ''}")


def _enabled_twice(plan: Plan, facts: LabFacts) -> list[str]:
    """Units that systemd starts although Pacemaker runs them."""
    problems = []
    for node in plan.nodes:
        units = facts.nodes[node.name].units
        for service, daemon in SERVICES.items():
            unit = units.get().get(f"{daemon.unit}.service")
            if not unit or not unit.enabled:
                continue
            if service not in node.services:
                problems.append(units.shows(f"{unit.name} is enabled, and the plan does not have it here"))
            elif _managed(plan, service) and not _adopted(plan, service):
                problems.append(units.shows(f"{unit.name} is enabled and Pacemaker runs it"))
    return problems


def _stateless(plan: Plan, facts: LabFacts) -> Judgement:
    if plan.pacemaker != "core":
        return not_deployed("scope full: Pacemaker runs the stateless services too")
    problems, seen = [], []
    for node in plan.nodes:
        units = facts.nodes[node.name].units
        for service, name in _STATELESS.items():
            unit = units.get().get(name)
            if service not in node.services:
                continue
            if unit is None or not (unit.enabled and unit.active and unit.restart in ("always", "on-failure")):
                problems.append(units.shows(str(unit) if unit else f"there is no {name}"))
            else:
                seen.append(f"{node.name} {name}")
    if problems:
        return judged(problems, "")
    so_far = f"{len(seen)} units of stateless services are enabled, active, and have Restart="
    if not plan.running("keystone"):
        return not_deployed(f"those that depend on others come with the API tier; {so_far}")
    said = by_run(plan, facts, ("db.kill_all",), so_far, lambda run: "api_http" in run.probes)
    if said.result is not Result.PASS:
        return said
    # The client of that run asks nothing that needs the database; a token does.
    problems = [] if facts.api.get().fresh == 201 else [facts.api.shows("Keystone gives no token")]
    return judged(problems, f"{said.evidence}; Keystone gives tokens")


def _reporting(_plan: Plan, _facts: LabFacts) -> Judgement:
    return not_deployed("no central failure reporting yet")


REQUIREMENTS = (
    Requirement("R13", "Pacemaker's scope is as asked: core runs what must not run twice or is hard to bootstrap and "
                "nothing stateless, full runs every service; what it runs is not enabled in systemd.",
                "resources of the live CIB; unit states of every node (systemctl)", _scope),
    Requirement("R14", "In scope core, stateless services are enabled units with Restart=; they outlive what they "
                "depend on and recover alone.",
                "unit states of every node; the newest recorded run that took the database away "
                "under the API's client, and a token since (API tier)", _stateless),
    Requirement("R15", "Central failure reporting notices a dead unit that the proxy hides.",
                "needs central failure reporting", _reporting),
)
