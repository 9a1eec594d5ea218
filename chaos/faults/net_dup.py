"""net.dup: send some of the node's packets twice."""

from __future__ import annotations

from collections.abc import Mapping

from chaos.faults.base import Number
from chaos.faults.netembase import NetemFault


class NetDup(NetemFault):
    """``percent`` (default 20).  TCP and corosync must not care."""

    name = "net.dup"
    summary = "send some of the node's packets twice"
    numbers = (Number("percent", 20, 1, 100),)
    parameters = frozenset({"network", "percent"})

    def netem(self, number: Mapping[str, int]) -> str:
        return f"duplicate {number['percent']}%"


FAULT = NetDup()
