"""What the faults on the quality of a link share: one netem qdisc on the node's own interface.

netem acts on what the node sends.  It is set inside the node, because the kernel that has the module
is the node's: a machine's own, or for containers the host's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from chaos.faults.guestbase import GuestFault
from chaos.faults.netbase import one_network
from chaos.model import HealRank, Target
from lab.errors import RefusedError
from lab.net.network import GUEST_NICS

if TYPE_CHECKING:
    from lab.lab import Lab


@dataclass(frozen=True)
class Number:
    """A parameter that is a whole number."""

    name: str
    default: int
    lowest: int
    highest: int


class NetemFault(GuestFault):
    """A subclass names its ``numbers`` and says in :meth:`netem` what tc is told."""

    needs: ClassVar[frozenset[str]] = frozenset({"shell", "netem"})
    rank: ClassVar[HealRank] = HealRank.NETWORK
    bounds: ClassVar[str] = "undecided"
    numbers: ClassVar[tuple[Number, ...]]

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        one_network(params.get("network"))
        for one in self.numbers:
            value = params.get(one.name, one.default)
            if not isinstance(value, int) or isinstance(value, bool) or not one.lowest <= value <= one.highest:
                raise RefusedError(f"'{one.name}' must be a whole number from {one.lowest} to {one.highest}",
                                   where=f"params.{one.name}")

    def netem(self, number: Mapping[str, int]) -> str:
        raise NotImplementedError

    def act(self, lab: Lab, node: str, target: Target) -> str:
        numbers = {one.name: int(target.params.get(one.name, one.default)) for one in self.numbers}
        return f"tc qdisc replace dev {_nic(target)} root netem {self.netem(numbers)}"

    def undo(self, lab: Lab, node: str, target: Target) -> str:
        return f"tc qdisc del dev {_nic(target)} root 2>/dev/null; true"

    def shows(self, lab: Lab, node: str, target: Target) -> str:
        # The qdisc, and that packets have passed it: one on a silent interface would prove nothing.
        return (f"tc -s qdisc show dev {_nic(target)} root | "
                "awk '/ netem /{print; found=1} / Sent /{print; sent=$4} END{exit !(found && sent > 0)}'")


def _nic(target: Target) -> str:
    return GUEST_NICS[one_network(target.params.get("network"))]
