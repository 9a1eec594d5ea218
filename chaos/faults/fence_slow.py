"""fence.slow: let the node's BMC take its time."""

from __future__ import annotations

from chaos.faults.fencebase import FenceFault


class FenceSlow(FenceFault):
    """Each change of power takes 8 s longer, as with a BMC that is busy."""

    name = "fence.slow"
    summary = "let the node's BMC take its time"
    mode = "slow"


FAULT = FenceSlow()
