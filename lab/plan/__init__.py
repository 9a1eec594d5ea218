"""The plan: every name, address and place that a lab will have, decided before anything runs.

A :class:`Plan` is a value.  ``lab.plan.layouts.make_plan`` computes it from a
:class:`lab.plan.topology.Topology`; it is stored with the lab as JSON, and everything
downstream (drivers, provisioning, gates, chaos) reads it and never changes it.
"""

from __future__ import annotations

import hashlib
from ipaddress import IPv4Address, IPv4Network
from typing import Literal

from pydantic import BaseModel, ConfigDict

from daemons.services import Service as Service
from lab.plan.profile import Profile

Style = Literal["collapsed", "segregated", "mixed"]
NetworkName = Literal["mgmt", "control", "ring"]
PacemakerScope = Literal["core", "full"]
RabbitmqManager = Literal["systemd", "pacemaker"]
QueueType = Literal["quorum", "mirrored"]
DriverName = Literal["container", "vagrant", "fake"]

NETWORK_NAMES: tuple[NetworkName, ...] = ("mgmt", "control", "ring")


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Network(_Value):
    """One of the lab's three networks; ``host`` is the address of the tool's own end."""

    name: NetworkName
    cidr: IPv4Network
    host: IPv4Address
    bridge: str
    bridge_mac: str


class Node(_Value):
    """One machine.  ``index`` is unique in the lab and, from 1 on, also the corosync nodeid.

    ``cluster`` is empty and ``index`` 0 for the host of the quorum device, which is in no cluster.
    ``memory_mb``: what the node takes of the host's memory.  ``late``: it joined a running cluster, so it
    gets none of the ``initial`` files, with which the first nodes form one.
    """

    name: str
    index: int
    cluster: str
    services: tuple[Service, ...]
    mgmt: IPv4Address
    control: IPv4Address
    ring: IPv4Address
    bmc: IPv4Address
    memory_mb: int = 0
    late: bool = False

    def address(self, network: NetworkName) -> IPv4Address:
        return {"mgmt": self.mgmt, "control": self.control, "ring": self.ring}[network]


class Cluster(_Value):
    """One corosync/Pacemaker cluster; ``nodes`` in index order; ``qdevice``: it asks the lab's qnetd for a vote."""

    name: str
    nodes: tuple[str, ...]
    services: tuple[Service, ...]
    qdevice: bool = False


class Vip(_Value):
    """A virtual address on the control network, held by the cluster that runs HAProxy."""

    name: str
    address: IPv4Address
    cluster: str


class Plan(_Value):
    """Everything that is decided about a lab before it exists.

    ``nodes`` are the members of the clusters; ``qnetd``, if any, is one more machine on the same
    networks and outside every cluster (``hosts`` are all machines).  ``rabbitmq`` says who runs the
    broker and ``queues`` which model it has; the two never cross.  ``maintenance`` names the nodes that
    the proxies know and send nothing to yet.  ``box`` is a box of the person's own that the machines
    are made from, by name or as a file; empty: the baked image.
    ``memory_mb`` and ``disk_mb`` are what the host must have free; ``warnings`` are
    sentences for the person (even clusters, components that do not fit, ...).
    """

    lab: str
    style: Style
    driver: DriverName
    pacemaker: PacemakerScope
    rabbitmq: RabbitmqManager = "systemd"
    queues: QueueType = "quorum"
    profile: Profile
    box: str = ""
    networks: tuple[Network, ...]
    clusters: tuple[Cluster, ...]
    nodes: tuple[Node, ...]
    qnetd: Node | None = None
    maintenance: tuple[str, ...] = ()
    vips: tuple[Vip, ...]
    not_deployed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    memory_mb: int
    disk_mb: int

    @property
    def hosts(self) -> tuple[Node, ...]:
        """Every machine of the lab: the clusters' nodes, then the host of the quorum device."""
        return self.nodes if self.qnetd is None else (*self.nodes, self.qnetd)

    @property
    def digest(self) -> str:
        """sha256 of the substance: without sentences and estimates, which a newer halab may word otherwise."""
        substance = self.model_copy(update={"warnings": (), "not_deployed": (), "memory_mb": 0, "disk_mb": 0})
        return hashlib.sha256(substance.model_dump_json().encode()).hexdigest()

    def node(self, name: str) -> Node:
        """The machine of that name; KeyError if there is none."""
        for node in self.hosts:
            if node.name == name:
                return node
        raise KeyError(name)

    def cluster(self, name: str) -> Cluster:
        for cluster in self.clusters:
            if cluster.name == name:
                return cluster
        raise KeyError(name)

    def members(self, cluster: str) -> tuple[Node, ...]:
        """The nodes of one cluster, in index order."""
        return tuple(node for node in self.nodes if node.cluster == cluster)

    def running(self, service: Service) -> tuple[Node, ...]:
        """Every node of the lab that runs ``service``, in index order."""
        return tuple(node for node in self.nodes if service in node.services)

    @property
    def services(self) -> frozenset[Service]:
        """Everything that some cluster of the lab runs."""
        return frozenset(service for cluster in self.clusters for service in cluster.services)

    def reaction(self, slowness: float) -> float:
        """Seconds until every cluster has acted on a lost member; ``slowness`` is the driver's."""
        return max(self.profile.reaction(len(cluster.nodes), slowness) for cluster in self.clusters)

    @property
    def internal_vip(self) -> Vip | None:
        """The VIP that the database and the services' own traffic go through."""
        return next((vip for vip in self.vips if vip.name == "internal"), None)

    @property
    def public_vip(self) -> Vip | None:
        """The VIP that the API's clients from outside come to."""
        return next((vip for vip in self.vips if vip.name == "public"), None)

    def totem_name(self, cluster: Cluster) -> str:
        """corosync's own name of a cluster, unlike that of any other lab."""
        return f"{self.lab}-{cluster.name}"

    def in_pacemaker(self, service: Service) -> bool:
        """Whether ``service`` is a cluster resource; otherwise systemd runs it and the CIB does not know it."""
        if service in ("haproxy", "galera") or self.pacemaker == "full":
            return True
        return service == "rabbitmq" and self.rabbitmq == "pacemaker"

    def network(self, name: NetworkName) -> Network:
        for network in self.networks:
            if network.name == name:
                return network
        raise KeyError(name)
