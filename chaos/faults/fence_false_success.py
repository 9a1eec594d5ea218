"""fence.false_success: let the node's BMC say done and do nothing."""

from __future__ import annotations

from chaos.faults.fencebase import FenceFault


class FenceFalseSuccess(FenceFault):
    """The one failure that a cluster cannot survive.  With a second fault, S3 must find it: the run has to FAIL."""

    name = "fence.false_success"
    summary = "let the node's BMC say done and do nothing"
    mode = "lying"


FAULT = FenceFalseSuccess()
