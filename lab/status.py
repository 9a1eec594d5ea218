"""``lab.status``: what the lab is and whether it is healthy, asked now."""

from __future__ import annotations

from pydantic import BaseModel

from lab import gates
from lab.errors import HalabError
from lab.gates.vip import holders
from lab.lab import Lab


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


def status(name: str) -> Status:
    """Look at every gate once; NotFoundError if there is no such lab."""
    from chaos.journal import unhealed

    lab = Lab.open(name)
    try:
        results = gates.check_all(lab)
        power = {node.name: str(lab.driver.power.state(node.name)) for node in lab.plan.nodes}
        try:
            held = holders(lab)
        except (HalabError, OSError):
            held = {}  # a node that cannot be asked; the ssh gate says which
        by_name = {result.name: result for result in results}
        membership = by_name.get("membership")
        return Status(
            lab=lab.name, style=lab.plan.style, driver=lab.plan.driver, profile=lab.plan.profile.name,
            healthy=all(result.ok for result in results),
            gates=[GateStatus(name=r.name, ok=r.ok, seconds=r.seconds, detail=r.detail,
                              show="" if r.ok else r.show) for r in results],
            clusters=[ClusterStatus(name=c.name, services=list(c.services), nodes=list(c.nodes),
                                    quorate=bool(membership and membership.ok)) for c in lab.plan.clusters],
            nodes=[NodeStatus(name=n.name, power=power[n.name], cluster=n.cluster, addresses={
                "mgmt": str(n.mgmt), "control": str(n.control), "ring": str(n.ring), "bmc": str(n.bmc)})
                for n in lab.plan.nodes],
            vips=[VipStatus(name=v.name, address=str(v.address),
                            holder=next(iter(held.get(v.name, [])), None)) for v in lab.plan.vips],
            unhealed=[str(record) for record in unhealed(lab.paths)])
    finally:
        lab.shell.close()
