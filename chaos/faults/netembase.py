"""What the faults on the quality of a link share: one netem qdisc on the node's own interface.

netem acts on what the node sends.  It is set inside the node, because the kernel that has the module
is the node's: a machine's own, or for containers the host's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from chaos.evidence import judged
from chaos.faults.guestbase import GuestFault
from chaos.faults.netbase import one_network
from chaos.model import HealRank, Target
from lab.errors import RefusedError
from lab.net.network import GUEST_NICS

if TYPE_CHECKING:
    from lab.lab import Lab


class NetemFault(GuestFault):
    """A subclass names its ``numbers`` and says in :meth:`netem` what tc is told."""

    needs: ClassVar[frozenset[str]] = frozenset({"shell", "netem"})
    rank: ClassVar[HealRank] = HealRank.NETWORK
    bounds: ClassVar[str] = "undecided"
    endures: ClassVar[bool] = True

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        one_network(params.get("network"))

    def netem(self, number: Mapping[str, int]) -> str:
        raise NotImplementedError

    def prepare(self, lab: Lab, target: Target) -> Target:
        """Refuse an interface that has one: there is room for one, and the second would end the first."""
        for node in target.nodes:
            if " netem " in lab.shell.run(node, f"tc qdisc show dev {_nic(target)} root", timeout=20).stdout:
                raise RefusedError(f"{_nic(target)} of {node} has a netem already", where=node,
                                   remedy="one fault of netem on an interface at a time; net.loss needs none")
        return target

    def act(self, lab: Lab, node: str, target: Target) -> str:
        return f"tc qdisc replace dev {_nic(target)} root netem {self.netem(self.numbers_of(target.params))}"

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return f"tc qdisc del dev {_nic(target)} root 2>/dev/null; true"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        # The qdisc, and that packets have passed it: one on a silent interface would prove nothing.
        return judged(f"tc -s qdisc show dev {_nic(target)} root",
                      "awk '/ netem /{print; found=1} / Sent /{print; sent=$4} END{exit !(found && sent > 0)}'")


def _nic(target: Target) -> str:
    return GUEST_NICS[one_network(target.params.get("network"))]
