"""A person's own clusters: the part of a topology file that replaces the layout table.

``clusters:`` names each cluster, its size or its nodes, and its services.  :func:`own_shape` turns
it into the same :class:`lab.plan.shape.Shape` that the table gives.  ``where`` of a refusal is the key
at fault, with dots between the levels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lab.choices import on_one_line
from lab.errors import RefusedError
from lab.plan import Service, Style
from lab.plan.shape import MAX_OVERRIDDEN, Part, Shape, check_members

_CLUSTER = re.compile(r"[a-z][a-z0-9]{0,11}")
# A node's name and its network make an interface's name, of at most 15 characters: "db1.control".
NODE_LETTERS = 7
_NODE = re.compile(rf"[a-z][a-z0-9]{{0,{NODE_LETTERS - 1}}}")
PREFIX = 5  # letters of a cluster's name that its nodes' names begin with; two digits follow
# Names that the lab's own control groups, its further host and its VIPs have; those of the other control groups
# (firmware, libvirtd) are too long for a node.
RESERVED = ("bmc", "watch", "qnetd", "public", "internal")
# The selectors of chaos.selectors that could be a node's name, which would take their place.
SELECTORS = ("all", "dc", "not", "one", "random", "role", "side")
_NO_FENCING = (None, False, "none", "off", "no", "false", "")


def words(value: Any) -> Any:
    """Options bring one string, ``db,mq``; a file may give one word without brackets."""
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


class ClusterSpec(BaseModel):
    """One cluster as its person wants it: ``size`` or ``nodes``, and what every member runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int | None = Field(
        default=None, description="Members, 3 to 16; they are named after the cluster: db1, db2, ..."
    )
    nodes: tuple[str, ...] = Field(
        default=(), description="The members by name, instead of a size: at most 7 letters and digits each."
    )
    services: tuple[Service, ...] = Field(
        description="What every member runs. A service is in one cluster only.", title="service"
    )
    memory_mb: int | None = Field(
        default=None, ge=64, le=65536,
        description="Memory of one node in MB: a machine gets it; for a container it is what the host must have "
                    "free for it, and no limit. Left out: what the services were measured to take.")
    fencing: Literal["ipmi"] = Field(
        default="ipmi", description="How a member is fenced: through its BMC. There is no cluster without fencing."
    )

    @field_validator("services", "nodes", mode="before")
    @classmethod
    def _words(cls, value: Any) -> Any:
        return words(value)

    @field_validator("services", mode="after")
    @classmethod
    def _some_services(cls, services: tuple[Service, ...]) -> tuple[Service, ...]:
        if not services:
            raise RefusedError("The cluster runs nothing.", remedy=f"services: [{', '.join(get_args(Service))}]")
        return services

    @field_validator("fencing", mode="before")
    @classmethod
    def _fenced(cls, value: Any) -> Any:
        if value in _NO_FENCING:
            raise RefusedError(
                "A cluster without fencing is not a reference deployment: a node that hangs may come back and write "
                "to what another has taken over, and Pacemaker recovers nothing before it knows that the node is off.",
                remedy="leave fencing out: every node has a BMC",
            )
        return value

    @field_validator("nodes", mode="after")
    @classmethod
    def _usable_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not _NODE.fullmatch(name) or name in RESERVED:
                raise RefusedError(
                    f"'{on_one_line(name)}' cannot be a node's name: it becomes a host name and, with the network, an "
                    "interface's.",
                    remedy="a lower-case letter, then up to 6 letters or digits, such as db1; "
                           f"not {', '.join(RESERVED)}",
                )
            if name in SELECTORS:
                raise RefusedError(
                    f"'{name}' cannot be a node's name: in a scenario this word chooses nodes by their role.",
                    remedy=f"another name; taken are {', '.join(SELECTORS)}",
                )
        return names

    @model_validator(mode="after")
    def _sized(self) -> ClusterSpec:
        if self.size is None and not self.nodes:
            raise RefusedError("The cluster says neither its size nor its nodes.", remedy="size: 3")
        if self.size is not None and self.nodes and self.size != len(self.nodes):
            raise RefusedError(
                f"The cluster has size {self.size} and names {len(self.nodes)} nodes.",
                where="size", remedy=f"size: {len(self.nodes)}, or leave size out",
            )
        return self

    @property
    def members(self) -> int:
        return len(self.nodes) or self.size or 0


def check_cluster_names(value: Any) -> None:
    """Refuse what is no mapping of names to clusters, and a name that cannot be one."""
    if not isinstance(value, Mapping):
        raise RefusedError("clusters should hold the clusters by name.",
                           remedy="clusters: {db: {size: 3, services: [galera]}}; topologies/examples has more")
    for name in value:
        if not isinstance(name, str) or not _CLUSTER.fullmatch(name):
            raise RefusedError(
                f"'{on_one_line(name)}' cannot be a cluster's name: it becomes part of host and file names.",
                where=str(name),
                remedy="a lower-case letter, then up to 11 letters or digits, such as db",
            )


def style_of(clusters: Mapping[str, ClusterSpec]) -> Style:
    """Which of the three styles a set of clusters is."""
    if len(clusters) == 1:
        return "collapsed"
    alone = all(len(set(cluster.services)) == 1 for cluster in clusters.values())
    return "segregated" if alone else "mixed"


def own_shape(clusters: Mapping[str, ClusterSpec], *, allow_large: bool = False) -> Shape:
    """The shape of a person's own clusters.

    Raises RefusedError: a cluster too small or too large, a node or a service in two, no HAProxy.
    """
    parts = []
    for name, spec in clusters.items():
        check_members(spec.members, allow_large, where=f"clusters.{name}.{'nodes' if spec.nodes else 'size'}",
                      wanted="size: {}", override="allow_large: true")
        numbered = tuple(f"{name[:PREFIX]}{number}" for number in range(1, spec.members + 1))
        parts.append(Part(name, spec.nodes or numbered, spec.services, spec.memory_mb))
    _check_disjoint(parts)
    total = sum(part.size for part in parts)
    if total > MAX_OVERRIDDEN:
        raise RefusedError(f"{total} nodes in {len(parts)} clusters: a lab has addresses for {MAX_OVERRIDDEN}.",
                           where="clusters", remedy="smaller clusters")
    if not any("haproxy" in part.services for part in parts):
        raise RefusedError(
            "No cluster runs haproxy: the VIPs would have no home, and clients no way to the database.",
            where="clusters", remedy="add haproxy to the services of one cluster",
        )
    shape = Shape(tuple(parts))
    if "keystone" in shape.services and "galera" not in shape.services:
        raise RefusedError("No cluster runs galera: Keystone keeps its users and its endpoints there.",
                           where="clusters", remedy="add galera to the services of one cluster")
    return shape


def _check_disjoint(parts: list[Part]) -> None:
    node_of: dict[str, str] = {}
    service_of: dict[str, str] = {}
    for part in parts:
        for node in part.nodes:
            if node in node_of:
                other = node_of[node]
                twice = f"twice by cluster {part.cluster}" if other == part.cluster else (
                    f"by two clusters, {other} and {part.cluster}")
                raise RefusedError(
                    f"The node {node} is claimed {twice}: a host is a member of one corosync cluster only.",
                    where=f"clusters.{part.cluster}.nodes",
                    remedy="give each cluster nodes of its own (nodes: [a1, a2, a3]), or only sizes",
                )
            node_of[node] = part.cluster
        for service in part.services:
            if service in service_of:
                other, where = service_of[service], f"clusters.{part.cluster}.services"
                if other == part.cluster:
                    raise RefusedError(f"Cluster {other} names the service {service} twice.", where=where,
                                       remedy="each service once")
                raise RefusedError(
                    f"The service {service} is named twice: in cluster {other} and in {part.cluster}. All its "
                    "instances are one cluster of their own kind, and no constraint reaches across corosync clusters.",
                    where=where,
                    remedy=f"take {service} out of one of them",
                )
            service_of[service] = part.cluster
