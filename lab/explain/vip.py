"""The virtual IPs: who holds them and why, and what the loss of the holder would cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from chaos.facts import Timers
from chaos.formulas import Bound, NoBound, vip_takeover
from chaos.timers import read_timers
from lab.explain import resource
from lab.explain.model import Explanation, Point, listed
from lab.explain.resource import ClusterFacts
from lab.gates import on_node
from lab.gates.vip import ADDRESSES
from lab.lab import Lab
from lab.node.asking import answers
from lab.plan import Vip


@dataclass(frozen=True)
class VipFacts:
    """``addresses`` is what each node's kernel shows; ``timers`` are live, ``unread`` names what is missing."""

    vips: tuple[Vip, ...]
    addresses: Mapping[str, str]
    cluster: ClusterFacts
    timers: Timers
    unread: tuple[str, ...] = ()


def explain(lab: Lab) -> Explanation:
    facts = read(lab)
    return replace(tell(facts), show=on_node(lab, facts.cluster.asked, "crm_simulate -sL"))


def read(lab: Lab) -> VipFacts:
    vips = lab.plan.vips
    members = lab.plan.cluster(vips[0].cluster)
    cluster = resource.read(lab, members.name, f"vip-{vips[0].name}")
    homes = sorted(cluster.status.places(f"vip-{vips[0].name}"))
    reading = read_timers(lab, homes[0] if homes else cluster.asked)
    return VipFacts(vips, answers(lab, members.nodes, ADDRESSES, timeout=5), cluster, reading.timers,
                    tuple(reading.notes))


def tell(facts: VipFacts) -> Explanation:
    """Pure: the sentences for these facts."""
    holders = {vip.name: _holders(facts, vip) for vip in facts.vips}
    answer = "; ".join(f"{name} is on {listed(nodes)}" for name, nodes in holders.items())
    points = [_holding(facts, holders)]
    for vip in facts.vips:
        said = resource.tell(facts.cluster, f"vip-{vip.name}")
        points += [replace(point, about=f"{vip.name}: {point.about}") for point in said
                   if vip is facts.vips[0] or not point.about.startswith("if ")]
    return Explanation("vip", answer, (*points, _cost(facts)))


def _holders(facts: VipFacts, vip: Vip) -> list[str]:
    return [node for node, said in facts.addresses.items() if f" {vip.address}/" in said]


def _holding(facts: VipFacts, holders: Mapping[str, list[str]]) -> Point:
    evidence = []
    wrong = []
    for vip in facts.vips:
        said = sorted(facts.cluster.status.places(f"vip-{vip.name}"))
        evidence.append(f"vip-{vip.name}: Pacemaker says {listed(said)}, the kernels say {listed(holders[vip.name])}")
        if said != holders[vip.name]:
            wrong.append(vip.name)
    evidence += [f"{node}: {' '.join(line.split()[:4])}" for node, said in facts.addresses.items()
                 for line in said.splitlines() if any(f" {vip.address}/" in line for vip in facts.vips)]
    says = "Pacemaker and the kernels of the nodes say the same." if not wrong else \
        f"Pacemaker and the kernels do not agree about {listed(wrong)}: believe the kernels."
    if silent := sorted({member.name for member in facts.cluster.status.members} - facts.addresses.keys()):
        says += f" {listed(silent)} did not answer."
    return Point("holder", says, tuple(evidence))


def _cost(facts: VipFacts) -> Point:
    try:
        bound: Bound = vip_takeover(facts.timers)
    except NoBound as missing:
        return Point("how long", f"Cannot be computed: {missing}.", facts.unread)
    return Point("how long", f"If the holder lost its power now, the addresses would answer elsewhere after "
                 f"{bound.low:.1f} to {bound.high:.1f} s, by the timers that are live now.", (bound.why,))
