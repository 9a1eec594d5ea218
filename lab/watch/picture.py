"""What the watcher shows, made of the agents' last words: pure, and honest about their age."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from daemons.haproxy import Server
from daemons.pacemaker import Status
from lab.plan import Cluster, Node, Plan
from lab.watch.feed import STALE, Sample
from lab.watch.said import Said


@dataclass(frozen=True)
class NodeLine:
    """``age`` in seconds since the node spoke, None if it never did; the rest as it was then."""

    name: str
    power: str
    age: float | None
    cluster: str = ""
    galera: str = ""
    rabbitmq: str = ""
    vips: tuple[str, ...] = ()

    @property
    def stale(self) -> bool:
        return self.age is None or self.age > STALE


@dataclass(frozen=True)
class ClusterLine:
    """``age`` of the words of the node that speaks for it; ``resources`` are name and place, for the eye."""

    name: str
    quorate: bool | None
    members: int
    planned: int
    dc: str
    age: float | None
    resources: tuple[tuple[str, str], ...] = ()
    failures: tuple[str, ...] = ()


@dataclass(frozen=True)
class VipLine:
    """``holder`` is '' when no fresh node has the address."""

    name: str
    address: str
    holder: str


@dataclass(frozen=True)
class Picture:
    lab: str
    style: str
    nodes: tuple[NodeLine, ...]
    clusters: tuple[ClusterLine, ...]
    vips: tuple[VipLine, ...]
    backends: tuple[Server, ...]
    trouble: tuple[str, ...]


def picture(plan: Plan, power: Mapping[str, str], latest: Mapping[str, Sample], now: float) -> Picture:
    """``now`` on ``time.monotonic()``, as the samples' times; ``power`` by node, as the driver says."""
    views = {cluster.name: _speaker(cluster, latest) for cluster in plan.clusters}
    running = _brokers(latest)
    nodes = tuple(_node(plan, node, power[node.name], latest.get(node.name), views.get(node.cluster), running, now)
                  for node in plan.hosts)
    fresh = {node.name for node in nodes if not node.stale}
    vips = tuple(VipLine(vip.name, str(vip.address), " and ".join(
        name for name in sorted(fresh) if str(vip.address) in latest[name].said.vips)) for vip in plan.vips)
    backends = next((latest[name].said.backends for name in sorted(fresh) if latest[name].said.backends), ())
    clusters = tuple(_cluster(cluster, views[cluster.name], latest, fresh, now) for cluster in plan.clusters)
    return Picture(plan.lab, plan.style, nodes, clusters, vips, backends, _trouble(clusters, vips, latest, fresh))


def _speaker(cluster: Cluster, latest: Mapping[str, Sample]) -> Sample | None:
    """The freshest words of a node that spoke for its cluster."""
    speaking = [latest[node] for node in cluster.nodes if node in latest and latest[node].said.crm is not None]
    return max(speaking, key=lambda sample: sample.at, default=None)


def _brokers(latest: Mapping[str, Sample]) -> tuple[str, ...] | None:
    speaking = [sample for sample in latest.values() if sample.said.brokers is not None]
    newest = max(speaking, key=lambda sample: sample.at, default=None)
    return newest.said.brokers.running if newest is not None and newest.said.brokers is not None else None


def _node(plan: Plan, node: Node, power: str, sample: Sample | None, view: Sample | None,
          running: tuple[str, ...] | None, now: float) -> NodeLine:
    cluster = _in_cluster(node, view.said.crm if view is not None else None) if node.cluster else "quorum device"
    if sample is None:
        return NodeLine(node.name, power, None, cluster)
    said = sample.said
    names = tuple(vip.name for vip in plan.vips if str(vip.address) in said.vips)
    return NodeLine(node.name, power, now - sample.at, cluster, said.galera if said.galera is not None else "",
                    _broker(node, said, running), names)


def _in_cluster(node: Node, crm: Status | None) -> str:
    if crm is None:
        return "?"
    member = next((one for one in crm.members if one.name == node.name), None)
    if member is None:
        return "unknown"
    state = " ".join(member.special) or ("online" if member.online else "OFFLINE")
    return state + (" DC" if crm.dc == node.name else "")


def _broker(node: Node, said: Said, running: tuple[str, ...] | None) -> str:
    if said.listens is None:
        return ""
    if not said.listens:
        return "down"
    return "running" if running is None or node.name in running else "apart"


def _cluster(cluster: Cluster, view: Sample | None, latest: Mapping[str, Sample], fresh: set[str],
             now: float) -> ClusterLine:
    seen = [latest[node].said.quorum for node in cluster.nodes if node in fresh]
    heard = [one for one in seen if one is not None]
    best = max(heard, key=lambda one: (one.quorate, len(one.members)), default=None)
    crm = view.said.crm if view is not None else None
    return ClusterLine(
        cluster.name, best.quorate if best else None, len(best.members) if best else 0, len(cluster.nodes),
        crm.dc if crm else "", now - view.at if view is not None else None,
        tuple((name, _places(crm, name)) for name in dict.fromkeys(one.id for one in crm.resources)) if crm else (),
        tuple(map(str, crm.failures)) if crm else ())


def _places(crm: Status, resource: str) -> str:
    homes = [(node, one.role + (" FAILED" if one.failed else ""))
             for one in crm.resources if one.id == resource for node in one.nodes]
    by_role: dict[str, list[str]] = {}
    for node, role in sorted(homes):
        by_role.setdefault(role, []).append(node)
    if set(by_role) == {"Started"}:
        return " ".join(by_role["Started"])
    return ", ".join(f"{role} {' '.join(nodes)}" for role, nodes in by_role.items()) or "nowhere"


def _trouble(clusters: tuple[ClusterLine, ...], vips: tuple[VipLine, ...], latest: Mapping[str, Sample],
             fresh: set[str]) -> tuple[str, ...]:
    """What a person must not overlook."""
    found = [f"{cluster.name}: {'no node answers' if cluster.quorate is None else 'NO QUORUM'}"
             for cluster in clusters if not cluster.quorate]
    found += [f"{vip.name}: {vip.holder.count(' and ') + 1} holders" for vip in vips if " and " in vip.holder]
    found += [f"failed: {failure}" for cluster in clusters for failure in cluster.failures]
    parts = sum(sample.said.brokers.partitions for name, sample in latest.items()
                if name in fresh and sample.said.brokers is not None)
    return (*found, *([f"RabbitMQ: {parts} partitions"] if parts else []))
