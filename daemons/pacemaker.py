"""What Pacemaker says about itself now (crm_mon): the DC, its nodes, where resources run, what failed."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

STATUS = "crm_mon --one-shot --inactive --output-as=xml"
LOG = "/var/log/pacemaker/pacemaker.log"
# Pacemaker asks again for the CIB after a peer is lost, with sleep(1): once if this DC is new,
# twice if it was DC before (measured; do_pe_invoke_callback).
CIB_REASK = 2.0
PROMOTED = ("Master", "Promoted")  # the role: the former until Pacemaker 2.1
_SPECIAL = ("standby", "standby_onfail", "maintenance", "pending", "unclean", "shutdown")


@dataclass(frozen=True)
class Member:
    """One node as the cluster sees it; ``special`` are words such as standby and unclean."""

    name: str
    online: bool
    special: tuple[str, ...]


@dataclass(frozen=True)
class Resource:
    """One instance of a resource; a clone has one for each node, all under the resource's own ``id``."""

    id: str
    agent: str  # the last word of e.g. "ocf:heartbeat:IPaddr2"
    role: str
    nodes: tuple[str, ...]
    active: bool
    failed: bool = False
    blocked: bool = False
    pending: str = ""  # the operation under way
    managed: bool = True  # in maintenance mode Pacemaker looks at it no more

    @property
    def node(self) -> str:
        """Where it is; empty if nowhere."""
        return self.nodes[0] if self.nodes else ""


@dataclass(frozen=True)
class Failure:
    """A failed action that Pacemaker remembers; ``operation`` such as galera_monitor_10000."""

    operation: str
    node: str
    status: str
    reason: str

    def __str__(self) -> str:
        return f"{self.operation} on {self.node}"


@dataclass(frozen=True)
class FailCount:
    """How often a resource failed on a node; ``bans``: so often that it may not run there until that is forgotten."""

    resource: str
    node: str
    count: str
    last: str
    bans: bool = False


@dataclass(frozen=True)
class Status:
    """One node's view of its cluster; ``dc`` is empty while there is none."""

    dc: str
    members: tuple[Member, ...]
    resources: tuple[Resource, ...]
    failures: tuple[Failure, ...]
    fail_counts: tuple[FailCount, ...]
    fencing: tuple[str, ...] = ()  # the nodes that a fencing action is under way against, each once

    def running(self, agent: str) -> list[Resource]:
        """The active instances of all resources with this agent."""
        return [one for one in self.resources if one.active and one.agent == agent]

    def places(self, resource: str) -> dict[str, str]:
        """The role of ``resource`` on each node that has it."""
        return {node: one.role for one in self.resources if one.active and one.id == resource for node in one.nodes}


def base(resource: str) -> str:
    """The resource of an instance: ``galera`` of ``galera:2``."""
    return resource.partition(":")[0]


def status(text: str) -> Status:
    """The answer to :data:`STATUS`; ValueError while Pacemaker does not answer."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"Pacemaker does not answer yet: {error}") from error
    dc = root.find("./summary/current_dc")
    return Status(
        dc=dc.get("name", "") if dc is not None and dc.get("present") == "true" else "",
        members=tuple(Member(node.get("name", ""), node.get("online") == "true",
                             tuple(word for word in _SPECIAL if node.get(word) == "true"))
                      for node in root.iterfind("./nodes/node")),
        # Wherever it stands: in a group, a clone or alone.
        resources=tuple(_resource(one) for one in root.iterfind("./resources//resource")),
        failures=tuple(Failure(one.get("op_key", "?"), one.get("node", "?"), one.get("exitstatus", ""),
                               one.get("exitreason", "")) for one in root.iterfind("./failures/failure")),
        fail_counts=tuple(
            FailCount(base(one.get("id", "")), node.get("name", ""), one.get("fail-count", "0"),
                      one.get("last-failure", "?"), _bans(one))
            for node in root.iterfind("./node_history/node") for one in node.iterfind("resource_history")
            if one.get("fail-count", "0") != "0"),
        fencing=tuple(sorted({one.get("target", "?") for one in root.iterfind("./fence_history/fence_event")
                              if one.get("status") == "pending"})))


def _bans(history: ElementTree.Element) -> bool:
    count, threshold = history.get("fail-count", "0"), history.get("migration-threshold", "")
    return count == "INFINITY" or (threshold.isdigit() and 0 < int(threshold) <= int(count))


def _resource(one: ElementTree.Element) -> Resource:
    return Resource(base(one.get("id", "")), one.get("resource_agent", "").rsplit(":", 1)[-1], one.get("role", ""),
                    tuple(node.get("name", "") for node in one.iterfind("node")), one.get("active") == "true",
                    one.get("failed") == "true", one.get("blocked") == "true", one.get("pending", ""),
                    one.get("managed") != "false")
