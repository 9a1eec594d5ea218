"""net.delay: delay what the node sends."""

from __future__ import annotations

from collections.abc import Mapping

from chaos.faults.base import Number
from chaos.faults.netembase import NetemFault


class NetDelay(NetemFault):
    """``ms`` (default 100) plus or minus ``jitter``: corosync waits, and Galera commits
    at the speed of its slowest member."""

    name = "net.delay"
    summary = "delay what the node sends"
    numbers = (Number("ms", 100, 1, 10000), Number("jitter", 0, 0, 5000))
    parameters = frozenset({"network", "ms", "jitter"})

    def netem(self, number: Mapping[str, int]) -> str:
        return f"delay {number['ms']}ms {number['jitter']}ms"


FAULT = NetDelay()
