"""Quorum: who counts, what losses each cluster survives, and how soon corosync notices one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from daemons import corosync
from daemons.corosync import Quorum
from lab.explain.model import Explanation, Point, listed
from lab.gates import on_node
from lab.lab import Lab
from lab.node.asking import answers

# corosync's own defaults, corosync.conf(5): what is not in the map was not set.
_COEFFICIENT_MS = 650


@dataclass(frozen=True)
class QuorumFacts:
    """One cluster: its nodes by id, and what corosync says on each node that answers (``keys`` of its map)."""

    cluster: str
    nodes: Mapping[int, str]
    views: Mapping[str, Quorum]
    keys: Mapping[str, Mapping[str, str]]


def explain(lab: Lab) -> Explanation:
    told = [tell(read(lab, cluster.name)) for cluster in lab.plan.clusters]
    show = on_node(lab, lab.plan.nodes[0].name, corosync.QUORUM)
    if len(told) == 1:
        return replace(told[0], show=show)
    points = tuple(replace(point, about=f"{cluster.name}: {point.about}")
                   for cluster, one in zip(lab.plan.clusters, told, strict=True) for point in one.points)
    return Explanation("quorum", "; ".join(one.answer for one in told), points, show)


def read(lab: Lab, cluster: str) -> QuorumFacts:
    members = lab.plan.members(cluster)
    names = [node.name for node in members]
    views = {}
    for node, said in answers(lab, names, corosync.QUORUM, timeout=5).items():
        with suppress(ValueError):  # the node answers, its corosync does not
            views[node] = corosync.quorum(said)
    return QuorumFacts(cluster, {node.index: node.name for node in members}, views,
                       {node: corosync.keys(said) for node, said in answers(lab, names, corosync.MAP).items()})


def tell(facts: QuorumFacts) -> Explanation:
    """Pure: the sentences for these facts."""
    if not facts.views:
        return Explanation("quorum", f"no corosync of cluster {facts.cluster} answers", ())
    quorate = [node for node, view in facts.views.items() if view.quorate]
    node = (quorate or list(facts.views))[0]
    view = facts.views[node]
    answer = (f"cluster {facts.cluster} is {'quorate' if quorate else 'NOT quorate'}: "
              f"{view.total_votes} of {view.expected_votes} votes, {view.needed} needed")
    keys = facts.keys.get(node, {})
    return Explanation("quorum", answer, (
        _votes(facts, view), _losses(view), _flags(view, keys), *_token(facts, keys)))


def _votes(facts: QuorumFacts, best: Quorum) -> Point:
    views: dict[tuple[str, ...], list[str]] = {}
    for node, view in facts.views.items():
        seen = (*(facts.nodes.get(one, f"id {one}") for one in view.members),
                *(["Qdevice"] if "Qdevice" in view.flags else []))
        views.setdefault(seen, []).append(node)
    silent = [node for node in facts.nodes.values() if node not in facts.views]
    says = f"Every node has a vote; quorum is more than half of {best.expected_votes}: {best.needed}."
    if len(views) > 1:
        says += " The nodes do not see the same members: the cluster is split, or is just changing."
    if silent:
        says += f" {listed(silent)} did not answer."
    return Point("votes", says, tuple(f"{listed(nodes)}: {'sees' if len(nodes) == 1 else 'see'} {listed(seen)}"
                                      for seen, nodes in views.items()))


def _losses(view: Quorum) -> Point:
    expected, needed = view.expected_votes, view.needed
    spare = view.total_votes - needed
    if spare < 0:
        return Point("losses", f"{-spare} more votes are needed; without quorum Pacemaker stops what it runs "
                     "(no-quorum-policy).", (f"{view.total_votes} - {needed} = {spare}",))
    word = "no loss" if spare == 0 else "the loss of one more node" if spare == 1 else \
        f"the loss of {spare} more nodes, at once or one after the other"
    says = f"It survives {word}; the next one stops everything."
    if expected % 2 == 0:
        says += f" A split into {expected // 2} and {expected // 2} leaves neither half quorate."
    return Point("losses", says, (f"{view.total_votes} votes - quorum {needed} = {spare} to spare",))


def _flags(view: Quorum, keys: Mapping[str, str]) -> Point:
    shown = view.flags
    says = "wait_for_all is on: after a cold start nobody is quorate before all have been seen once. " \
        if "WaitForAll" in shown else \
        "wait_for_all is off: at a cold start a majority that boots first fences whoever is slow. "
    says += "A quorum device votes too." if "Qdevice" in shown or keys.get("quorum.device.model") else \
        "There is no quorum device."
    evidence = [f"Flags: {' '.join(shown)}"]
    evidence += [f"{key} = {value}" for key, value in sorted(keys.items())
                 if key.startswith("quorum.device.") and "password" not in key]
    for word, key in (("LastManStanding", "last_man_standing"), ("AutoTieBreaker", "auto_tie_breaker"),
                      ("2Node", "two_node")):
        if word in shown:
            says += f" {key} is on."
    return Point("rules", says, tuple(evidence))


def _token(facts: QuorumFacts, keys: Mapping[str, str]) -> list[Point]:
    live = keys.get("runtime.config.totem.token")
    consensus = keys.get("runtime.config.totem.consensus")
    if not live or not consensus:
        return []
    members = len(facts.nodes)
    extra = max(0, members - 2)
    coefficient = int(keys.get("totem.token_coefficient", _COEFFICIENT_MS))
    configured = keys.get("totem.token")
    sums = f"token {configured or '?'} ms + ({members} nodes - 2) x coefficient {coefficient} ms = {live} ms (live)"
    if configured and int(configured) + extra * coefficient != int(live):
        sums += "; the live value is another one: it counts"
    total = (int(live) + int(consensus)) / 1000
    how = "as configured" if "totem.consensus" in keys else "1.2 x token, corosync's own choice"
    return [Point("detection", f"A silent node is given up after {int(live) / 1000:g} s without the token; the others "
                  f"agree on a new membership within {int(consensus) / 1000:g} s more: {total:g} s until Pacemaker "
                  "hears of it.", (sums, f"consensus {consensus} ms: {how}"))]
