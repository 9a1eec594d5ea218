"""net.reorder: let some of the node's packets arrive out of order."""

from __future__ import annotations

from collections.abc import Mapping

from chaos.faults.base import Number
from chaos.faults.netembase import NetemFault


class NetReorder(NetemFault):
    """``percent`` of the packets (default 25) are ``ms`` late (default 10)."""

    name = "net.reorder"
    summary = "let some of the node's packets arrive out of order"
    numbers = (Number("percent", 25, 1, 100), Number("ms", 10, 1, 1000))
    parameters = frozenset({"network", "percent", "ms"})

    def netem(self, number: Mapping[str, int]) -> str:
        return f"delay {number['ms']}ms reorder {100 - number['percent']}%"


FAULT = NetReorder()
