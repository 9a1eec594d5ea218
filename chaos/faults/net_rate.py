"""net.rate: slow the node's link down."""

from __future__ import annotations

from collections.abc import Mapping

from chaos.faults.base import Number
from chaos.faults.netembase import NetemFault


class NetRate(NetemFault):
    """``kbit`` per second (default 1000): a state transfer over such a link takes hours."""

    name = "net.rate"
    summary = "slow the node's link down"
    numbers = (Number("kbit", 1000, 8, 1000000),)
    parameters = frozenset({"network", "kbit"})

    def netem(self, number: Mapping[str, int]) -> str:
        return f"rate {number['kbit']}kbit"


FAULT = NetRate()
