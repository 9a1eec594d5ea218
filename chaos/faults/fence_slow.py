"""fence.slow: let the node's BMC take its time."""

from __future__ import annotations

from chaos.faults.fencebase import FenceFault


class FenceSlow(FenceFault):
    """Power goes 8 s after it was told to, as with a BMC that is busy; it comes as it always does."""

    name = "fence.slow"
    summary = "let the node's BMC take its time"
    mode = "slow"


FAULT = FenceSlow()
