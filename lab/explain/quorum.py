"""Quorum: who counts, what losses each cluster survives, and how soon corosync notices one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from lab.explain.model import Explanation, Point, listed
from lab.gates import on_node
from lab.lab import Lab
from lab.node.asking import answers

_TOOL = "corosync-quorumtool -si"
_MAP = "corosync-cmapctl"
_KEY = re.compile(r"^(\S+) \(\w+\) = (.*)$", re.M)
_MEMBER = re.compile(r"^\s*(\d+)\s+(\d+)\s", re.M)
# corosync's own defaults, corosync.conf(5): what is not in the map was not set.
_COEFFICIENT_MS = 650


@dataclass(frozen=True)
class QuorumFacts:
    """One cluster: its nodes by id, and what the tools print on each node that answers."""

    cluster: str
    nodes: Mapping[int, str]
    quorumtool: Mapping[str, str]
    cmap: Mapping[str, str]


def explain(lab: Lab) -> Explanation:
    told = [tell(read(lab, cluster.name)) for cluster in lab.plan.clusters]
    show = on_node(lab, lab.plan.nodes[0].name, _TOOL)
    if len(told) == 1:
        return replace(told[0], show=show)
    points = tuple(replace(point, about=f"{cluster.name}: {point.about}")
                   for cluster, one in zip(lab.plan.clusters, told, strict=True) for point in one.points)
    return Explanation("quorum", "; ".join(one.answer for one in told), points, show)


def read(lab: Lab, cluster: str) -> QuorumFacts:
    members = lab.plan.members(cluster)
    names = [node.name for node in members]
    return QuorumFacts(cluster, {node.index: node.name for node in members},
                       answers(lab, names, _TOOL, timeout=5), answers(lab, names, _MAP))


def tell(facts: QuorumFacts) -> Explanation:
    """Pure: the sentences for these facts."""
    speaking = {node: text for node, text in facts.quorumtool.items() if "Expected votes" in text}
    if not speaking:
        return Explanation("quorum", f"no corosync of cluster {facts.cluster} answers", ())
    quorate = [node for node, text in speaking.items() if re.search(r"^Quorate:\s+Yes", text, re.M)]
    node = (quorate or list(speaking))[0]
    votes = {name: int(_field(speaking[node], name)) for name in ("Expected votes", "Total votes", "Quorum")}
    spare = votes["Total votes"] - votes["Quorum"]
    answer = (f"cluster {facts.cluster} is {'quorate' if quorate else 'NOT quorate'}: "
              f"{votes['Total votes']} of {votes['Expected votes']} votes, {votes['Quorum']} needed")
    keys = dict(_KEY.findall(facts.cmap.get(node, "")))
    return Explanation("quorum", answer, (
        _votes(facts, speaking, votes), _losses(votes, spare), _flags(speaking[node], keys), *_token(facts, keys)))


def _field(text: str, name: str) -> str:
    found = re.search(rf"^{name}:\s+(\S+)", text, re.M)
    return found[1] if found else "0"


def _votes(facts: QuorumFacts, speaking: Mapping[str, str], votes: Mapping[str, int]) -> Point:
    views: dict[tuple[str, ...], list[str]] = {}
    for node, text in speaking.items():
        table = text.partition("Membership information")[2]
        seen = tuple(facts.nodes.get(int(one[1]), "Qdevice" if one[1] == "0" else f"id {one[1]}")
                     for one in _MEMBER.finditer(table))
        views.setdefault(seen, []).append(node)
    silent = [node for node in facts.nodes.values() if node not in speaking]
    says = f"Every node has a vote; quorum is more than half of {votes['Expected votes']}: {votes['Quorum']}."
    if len(views) > 1:
        says += " The nodes do not see the same members: the cluster is split, or is just changing."
    if silent:
        says += f" {listed(silent)} did not answer."
    return Point("votes", says, tuple(f"{listed(nodes)}: {'sees' if len(nodes) == 1 else 'see'} {listed(seen)}"
                                      for seen, nodes in views.items()))


def _losses(votes: Mapping[str, int], spare: int) -> Point:
    expected, needed = votes["Expected votes"], votes["Quorum"]
    if spare < 0:
        return Point("losses", f"{-spare} more votes are needed; without quorum Pacemaker stops what it runs "
                     "(no-quorum-policy).", (f"{votes['Total votes']} - {needed} = {spare}",))
    word = "no loss" if spare == 0 else "the loss of one more node" if spare == 1 else \
        f"the loss of {spare} more nodes, at once or one after the other"
    says = f"It survives {word}; the next one stops everything."
    if expected % 2 == 0:
        says += f" A split into {expected // 2} and {expected // 2} leaves neither half quorate."
    return Point("losses", says, (f"{votes['Total votes']} votes - quorum {needed} = {spare} to spare",))


def _flags(text: str, keys: Mapping[str, str]) -> Point:
    flags = re.search(r"^Flags:\s+(.*)$", text, re.M)
    shown = flags[1].split() if flags else []
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
