"""fence.unreachable: silence the node's BMC."""

from __future__ import annotations

from chaos.faults.fencebase import FenceFault


class FenceUnreachable(FenceFault):
    """No answer to any request: a node that is lost now cannot be fenced, and nothing of it may be recovered."""

    name = "fence.unreachable"
    summary = "silence the node's BMC"
    mode = "dead"


FAULT = FenceUnreachable()
