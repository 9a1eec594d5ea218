"""What a role is: one component of the reference deployment, in one file under ``provision/roles/``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from lab.lab import Lab
from lab.node.files import File
from lab.plan import Cluster, Node, Plan, Service
from lab.state.secrets import Secrets


@dataclass(frozen=True)
class NodeContext:
    """What a role may know when it renders the files of one node."""

    plan: Plan
    node: Node
    secrets: Secrets

    @property
    def cluster(self) -> Cluster:
        return self.plan.cluster(self.node.cluster)

    @property
    def members(self) -> tuple[Node, ...]:
        """All nodes of this node's cluster, in index order."""
        return self.plan.members(self.node.cluster)


Kind = Literal["file", "cib", "database"]


@dataclass(frozen=True)
class Change:
    """One difference between a node (or cluster) and the plan; ``detail`` never holds a secret.

    ``kind`` says where it is, ``what`` names it there for a person.
    """

    node: str
    what: str
    detail: str = ""
    kind: Kind = "file"


class Role(Protocol):
    """One component.  ``files`` and ``revive`` are pure, but for secrets that are made at first use.

    ``packages`` and ``image_script`` go into the image, those of an optional ``service`` only into that of labs that
    have it; ``files`` are laid down before first
    boot or pushed later, the same bytes either way; ``revive`` are laid down besides when all nodes
    boot again from disks of one and the same instant; ``converge`` brings what only a running
    cluster can hold (CIB, database users) to the plan and says what it changed; ``differences`` asks the
    cluster what that would be, and changes nothing.
    """

    name: str
    packages: Sequence[str]
    image_script: str
    service: Service | None

    def applies(self, node: Node) -> bool: ...
    def files(self, ctx: NodeContext) -> list[File]: ...
    def revive(self, ctx: NodeContext) -> list[File]: ...
    def differences(self, lab: Lab, cluster: Cluster) -> list[Change]: ...
    def converge(self, lab: Lab, cluster: Cluster) -> list[Change]: ...


class BaseRole:
    """Defaults for a role with files only."""

    name = ""
    packages: Sequence[str] = ()
    image_script = ""
    service: Service | None = None

    def applies(self, node: Node) -> bool:
        return True

    def files(self, ctx: NodeContext) -> list[File]:
        return []

    def revive(self, ctx: NodeContext) -> list[File]:
        return []

    def differences(self, lab: Lab, cluster: Cluster) -> list[Change]:
        return []

    def converge(self, lab: Lab, cluster: Cluster) -> list[Change]:
        return []


def enabled(unit: str, target: str = "multi-user.target") -> File:
    """The link that makes systemd start ``unit`` at boot, as ``systemctl enable`` makes it."""
    return File(f"/etc/systemd/system/{target}.wants/{unit}", link=f"/lib/systemd/system/{unit}")


def enabled_local(unit: str, target: str = "multi-user.target") -> File:
    """The same for a unit that halab itself brings in /etc/systemd/system."""
    return File(f"/etc/systemd/system/{target}.wants/{unit}", link=f"/etc/systemd/system/{unit}")
