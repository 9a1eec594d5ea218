"""net.corrupt: flip a bit in some of the node's packets."""

from __future__ import annotations

from collections.abc import Mapping

from chaos.faults.base import Number
from chaos.faults.netembase import NetemFault


class NetCorrupt(NetemFault):
    """``percent`` (default 5).  Checksums turn it into loss, and a broken checksum offload into wrong data."""

    name = "net.corrupt"
    summary = "flip a bit in some of the node's packets"
    numbers = (Number("percent", 5, 1, 100),)
    parameters = frozenset({"network", "percent"})

    def netem(self, number: Mapping[str, int]) -> str:
        return f"corrupt {number['percent']}%"


FAULT = NetCorrupt()
