"""``lab.status``: what the lab is and whether it is healthy, asked now."""

from __future__ import annotations

from contextlib import suppress

from pydantic import BaseModel

from daemons import corosync
from lab import gates
from lab.gates.vip import holders
from lab.lab import Lab
from lab.node.asking import answers
from lab.parallel import for_each
from lab.plan import Cluster


class GateStatus(BaseModel):
    name: str
    ok: bool
    seconds: float
    detail: str
    show: str = ""


class ClusterStatus(BaseModel):
    name: str
    services: list[str]
    nodes: list[str]
    quorate: bool


class NodeStatus(BaseModel):
    name: str
    power: str
    cluster: str
    addresses: dict[str, str]


class VipStatus(BaseModel):
    name: str
    address: str
    holder: str | None


class Status(BaseModel):
    """The JSON document of ``lab.status`` (docs/commands.md)."""

    lab: str
    style: str
    driver: str
    profile: str
    healthy: bool
    gates: list[GateStatus]
    clusters: list[ClusterStatus]
    nodes: list[NodeStatus]
    vips: list[VipStatus]
    unhealed: list[str]
    capabilities: list[str]  # of the driver: what faults may ask for
    warnings: list[str]  # what the host holds back from the lab


def status(name: str) -> Status:
    """Look at every gate once; NotFoundError if there is no such lab."""
    from chaos.journal import unhealed

    lab = Lab.open(name)
    try:
        results = gates.check_all(lab)
        power = {node.name: str(lab.driver.power.state(node.name)) for node in lab.plan.hosts}
        held = holders(lab, reachable_only=True)
        quorate = for_each(lab.plan.clusters, lambda cluster: _quorate(lab, cluster))
        return Status(
            lab=lab.name, style=lab.plan.style, driver=lab.plan.driver, profile=lab.plan.profile.name,
            healthy=all(result.ok for result in results),
            gates=[GateStatus(name=r.name, ok=r.ok, seconds=r.seconds, detail=r.detail,
                              show="" if r.ok else r.show) for r in results],
            clusters=[ClusterStatus(name=c.name, services=list(c.services), nodes=list(c.nodes), quorate=has)
                      for c, has in zip(lab.plan.clusters, quorate, strict=True)],
            nodes=[NodeStatus(name=n.name, power=power[n.name], cluster=n.cluster, addresses={
                "mgmt": str(n.mgmt), "control": str(n.control), "ring": str(n.ring), "bmc": str(n.bmc)})
                for n in lab.plan.hosts],
            vips=[VipStatus(name=v.name, address=str(v.address),
                            holder=" and ".join(held[v.name]) or None) for v in lab.plan.vips],
            unhealed=[f"{entry.fault} on {', '.join(entry.target.nodes)}" for entry in unhealed(lab.paths)],
            capabilities=sorted(lab.driver.capabilities), warnings=list(lab.driver.warnings))
    finally:
        lab.shell.close()


def _quorate(lab: Lab, cluster: Cluster) -> bool:
    """Whether some member that can be asked belongs to a quorate partition."""
    for said in answers(lab, cluster.nodes, corosync.QUORUM, timeout=5).values():
        with suppress(ValueError):  # its corosync does not answer
            if corosync.quorum(said).quorate:
                return True
    return False
