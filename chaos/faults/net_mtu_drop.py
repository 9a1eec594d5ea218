"""net.mtu_drop: small packets pass, large ones vanish."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos import nft
from chaos.faults.netbase import NetFault, wires
from chaos.model import Target
from lab.errors import RefusedError

if TYPE_CHECKING:
    from lab.lab import Lab

SMALLEST = 300  # bytes; below it nothing would get through and the fault would be net.isolate


class NetMtuDrop(NetFault):
    """A path whose MTU is smaller than both ends believe, with the ICMP that would tell them filtered.

    Handshakes, pings and heartbeats pass, data does not: everything looks healthy and hangs.
    ``bytes`` is the largest packet that passes (default 1000).
    """

    name = "net.mtu_drop"
    summary = "drop only the large packets of the node"
    bounds = "undecided"
    parameters = frozenset({"bytes"})

    def validate(self, params: Mapping[str, Any]) -> None:
        super().validate(params)
        largest = params.get("bytes", 1000)
        if not isinstance(largest, int) or isinstance(largest, bool) or not SMALLEST <= largest <= 1500:
            raise RefusedError(f"'{largest}' is no size of a packet that may pass", where="params.bytes",
                               remedy=f"{SMALLEST} to 1500 bytes")

    def may_be_fenced(self, target: Target, members: tuple[str, ...]) -> tuple[str, ...]:
        """Whose heartbeats pass and whose data do not may be taken for lost."""
        return target.nodes

    def relapses(self, target: Target) -> bool:
        return True

    def rules(self, lab: Lab, target: Target) -> list[nft.Rule]:
        large = f"meta length > {int(target.params.get('bytes', 1000))}"
        cables = wires(lab, target.nodes)
        return nft.leaving(cables, large) + nft.arriving(cables, large)


FAULT = NetMtuDrop()
