"""R30..R32: the database behind the proxy."""

from __future__ import annotations

from daemons.services import GALERA_CHECK_PORT
from lab.plan import Plan
from provision.verify.facts import LabFacts
from provision.verify.model import Judgement, Requirement, judged, not_deployed, unproven

_LATE = 2.0  # seconds that a look at all proxies may come late


def _one_writer(plan: Plan, facts: LabFacts) -> Judgement:
    if not plan.running("haproxy") or not plan.running("galera"):
        return not_deployed("no database behind a proxy")
    problems = []
    for proxy in plan.running("haproxy"):
        own = facts.nodes[proxy.name]
        if own.table.value is None:
            problems.append(own.table.shows(own.table.trouble))
        for section in own.haproxy.get():
            if section.name != "galera":
                continue
            table = next(iter(section.having("stick-table")), ())
            if "peers" not in table or not section.having("stick", "on", "dst"):
                problems.append(own.haproxy.shows("no stick-table with peers and 'stick on dst' in section galera"))
            problems += [own.haproxy.shows(f"server {server[0]} is no backup: it takes its share of the connections")
                         for server in section.servers if "backup" not in server]
    writers = facts.writers.get()
    names = sorted(set(writers))
    if len(names) != 1:
        problems.append(facts.writers.shows(f"{len(writers)} connections met {', '.join(names)}"))
    return judged(problems, facts.writers.shows(f"{len(writers)} connections met {', '.join(names)}") + "; "
                  + facts.nodes[plan.running("haproxy")[0].name].table.shows(
                      facts.nodes[plan.running("haproxy")[0].name].table.value or ""))


def _synced_only(plan: Plan, facts: LabFacts) -> Judgement:
    if not plan.running("haproxy") or not plan.running("galera"):
        return not_deployed("no database behind a proxy")
    problems = []
    for proxy in plan.running("haproxy"):
        answer = facts.nodes[proxy.name].haproxy
        for section in answer.get():
            if section.name != "galera":
                continue
            if not section.having("option", "httpchk"):
                problems.append(answer.shows("no 'option httpchk' in section galera"))
            problems += [answer.shows(f"server {server[0]} is not checked on port {GALERA_CHECK_PORT}")
                         for server in section.servers if "check" not in server or str(GALERA_CHECK_PORT) not in server]
    if problems:
        return judged(problems, "")
    if facts.desync.value is None:
        return unproven(facts.desync.shows(facts.desync.trouble), f"./inv lab.status --name={plan.lab}")
    seen = facts.desync.get()
    if seen.down is None or seen.down > seen.bound + _LATE:
        late = "never DOWN" if seen.down is None else f"DOWN only after {seen.down:.1f} s"
        problems.append(facts.desync.shows(f"{seen.member} {late} (inter x fall {seen.bound:g} s)"))
    if seen.up is None:
        problems.append(facts.desync.shows(f"{seen.member} did not come back UP"))
    return judged(problems, facts.desync.shows(
        f"{seen.member} DOWN on {len(plan.running('haproxy'))} proxies after {seen.down or 0:.1f} s (inter x fall "
        f"{seen.bound:g} s), UP again {seen.up or 0:.1f} s after OFF"))


def _degraded(plan: Plan, facts: LabFacts) -> Judgement:
    if not plan.running("haproxy") or not plan.running("galera"):
        return not_deployed("no database behind a proxy")
    if facts.desync.value is None:
        return unproven(facts.desync.shows(facts.desync.trouble), f"./inv lab.status --name={plan.lab}")
    seen = facts.desync.get()
    if not seen.alive:
        return unproven(facts.desync.shows(f"{seen.member} did not answer SQL, so it was not merely degraded"),
                        f"./inv lab.status --name={plan.lab}")
    problems = [facts.desync.shows(f"{seen.member} stays in service")] if seen.down is None else []
    return judged(problems, facts.desync.shows(f"{seen.member} answered SQL all the time, and the proxies took it out"))


REQUIREMENTS = (
    Requirement("R30", "All connections to the database's virtual IP land on one member, through a stick table that "
                "the proxies share.", "trial: 50 connections through the VIP and the name of the node that each met; "
                "stick table live and in haproxy.cfg of every proxy", _one_writer),
    Requirement("R31", "The proxy admits only synced Galera members.",
                "trial: one idle standby says wsrep_desync=ON, is DOWN on every proxy within inter x fall, and is "
                "taken back; httpchk in haproxy.cfg", _synced_only),
    Requirement("R32", "The proxy takes degraded nodes out, not only dead ones.",
                "the same trial: the desynced member went on answering SQL", _degraded),
)
