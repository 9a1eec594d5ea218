"""R20, R21: the cluster software itself."""

from __future__ import annotations

from lab.plan import Plan
from provision.verify.facts import LabFacts
from provision.verify.model import Judgement, Requirement, judged

_PROVIDER = "corosync_votequorum"
_CLASSES = ("ocf", "systemd", "stonith")
# Each rules out a quorum device or contradicts the nodelist.
_FORBIDDEN = ("quorum.last_man_standing", "quorum.auto_tie_breaker", "quorum.expected_votes")
_PACKAGES = (("pacemaker",), ("crmsh", "pcs"), ("corosync",), ("fence-agents",), ("resource-agents",), ("libqb",))


def _one_layer(plan: Plan, facts: LabFacts) -> Judgement:
    problems = []
    for node in plan.nodes:
        own = facts.nodes[node.name]
        quorum, conf, words = own.quorum.get(), own.corosync.get(), own.cib.get()
        if quorum.provider != _PROVIDER:
            problems.append(own.quorum.shows(f"Quorum provider: {quorum.provider}"))
        if conf.get("quorum.provider") != _PROVIDER:
            problems.append(own.corosync.shows(f"quorum provider: {conf.get('quorum.provider', 'none')}"))
        if conf.get("quorum.wait_for_all") != "1" or "WaitForAll" not in quorum.flags:
            written = conf.get("quorum.wait_for_all", "missing")
            problems.append(own.corosync.shows(f"wait_for_all: {written}; live flags {' '.join(quorum.flags)}"))
        problems += [own.corosync.shows(f"{key.partition('.')[2]}: {conf[key]}") for key in _FORBIDDEN
                     if conf.get(key, "0") != "0"]
        if words.properties.get("cluster-infrastructure", "corosync") != "corosync":
            problems.append(own.cib.shows(f"cluster-infrastructure={words.properties['cluster-infrastructure']}"))
        problems += [own.cib.shows(f"{one.id} is of class {one.agent.partition(':')[0]}") for one in words.primitives
                     if one.agent.partition(":")[0] not in _CLASSES]
        if not {"crmsh", "pcs"} & set(own.packages.get()):
            problems.append(own.packages.shows("neither crmsh nor pcs"))
    first = facts.nodes[plan.nodes[0].name].quorum
    return judged(problems, first.shows(f"Quorum provider: {first.get().provider}, {' '.join(first.get().flags)}")
                  + "; every node the same, agents are ocf, systemd and stonith")


def _packages(plan: Plan, facts: LabFacts) -> Judgement:
    problems = []
    for node in plan.nodes:
        answer = facts.nodes[node.name].packages
        problems += [answer.shows(f"{' or '.join(names)} is not installed") for names in _PACKAGES
                     if not any(have.startswith(name) for name in names for have in answer.get())]
    first = facts.nodes[plan.nodes[0].name].packages
    return judged(problems, first.shows(", ".join(f"{name} {version}" for name, version in first.get().items()
                                                  if name in ("pacemaker", "corosync", "crmsh", "libqb100"))))


REQUIREMENTS = (
    Requirement("R20", "corosync is the only membership layer, with votequorum (wait_for_all, and nothing that rules "
                "out a quorum device); crmsh or pcs manages; agents are OCF or systemd.",
                "live provider and flags, corosync.conf and resource classes of every node", _one_layer),
    Requirement("R21", "Every member has pacemaker, crmsh or pcs, corosync, fence-agents, resource-agents, libqb.",
                "dpkg-query on every node", _packages),
)
