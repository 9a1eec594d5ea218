"""What the network faults share: one nft table each, proven by what it dropped.

The management network is never touched: a node can always be fenced and repaired.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from chaos import nft
from chaos.faults.base import FAULT_ID, BaseFault, all_hold, with_params
from chaos.model import HealRank, Proof, Target
from lab.errors import RefusedError
from lab.plan import NetworkName

if TYPE_CHECKING:
    from lab.lab import Lab

CUT: tuple[NetworkName, ...] = ("control", "ring")
PEERS = "peers"  # in ``Target.params``: how many nodes the target's cluster has


def table_name(target: Target) -> str:
    return f"halab_fault_{target.params[FAULT_ID]}"


def wires(lab: Lab, nodes: Iterable[str], networks: Iterable[NetworkName] = CUT) -> list[str]:
    """The host-side interfaces of these nodes."""
    networks = tuple(networks)
    return [lab.driver.interface(node, network) for node in nodes for network in networks]


def others(lab: Lab, nodes: Iterable[str]) -> list[str]:
    """Every node of the lab that is not among ``nodes``."""
    excluded = set(nodes)
    return [node.name for node in lab.plan.nodes if node.name not in excluded]


def one_network(params: object, default: NetworkName = "control") -> NetworkName:
    """The parameter ``network``; RefusedError for one that faults may not touch."""
    chosen = default if params is None else params
    for name in CUT:
        if chosen == name:
            return name
    raise RefusedError(f"'{chosen}' is no network that a fault may touch", where="params.network",
                       remedy="control or ring; mgmt carries fencing and repair")


class NetFault(BaseFault):
    """A fault that drops frames; a subclass says which, in :meth:`rules`."""

    needs: ClassVar[frozenset[str]] = frozenset({"netfilter"})
    rank: ClassVar[HealRank] = HealRank.NETWORK
    wants_fencing: ClassVar[bool] = False

    def rules(self, lab: Lab, target: Target) -> list[nft.Rule]:
        raise NotImplementedError

    def prepare(self, lab: Lab, target: Target) -> Target:
        cluster = lab.plan.node(target.nodes[0]).cluster
        return with_params(target, **{PEERS: len(lab.plan.members(cluster))})

    def inject(self, lab: Lab, target: Target) -> None:
        nft.load(lab, table_name(target), self.rules(lab, target))

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        sent, received = nft.counted(lab, table_name(target))
        return Proof(sent + received > 0, f"nft dropped {sent + received} frames")

    def heal(self, lab: Lab, target: Target) -> None:
        nft.remove(lab, table_name(target))

    def healed(self, lab: Lab, target: Target) -> Proof:
        if nft.loaded(lab, table_name(target)):
            return Proof(False, f"the table {table_name(target)} is still loaded")
        return all_hold([Proof(True, "the nft table is gone"), *self.open_again(lab, target)])

    def open_again(self, lab: Lab, target: Target) -> list[Proof]:
        """More proofs that the way is free, if a subclass has any."""
        return []


def outvoted(target: Target) -> bool:
    """Whether the target's nodes are fewer than half of their cluster: the others will fence them."""
    return 2 * len(target.nodes) < int(target.params.get(PEERS, 0))
