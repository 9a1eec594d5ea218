"""pcmk.dc_kill: the controller that decides for the cluster dies."""

from __future__ import annotations

from chaos.faults.proc_kill import ProcKill
from chaos.model import Target


class PcmkDcKill(ProcKill):
    """Aim it at ``dc``: pacemakerd starts it again, and the members elect."""

    name = "pcmk.dc_kill"
    summary = "kill -9 the controller"
    parameters = frozenset()
    process = "pacemaker-controld"

    def may_be_fenced(self, target: Target, members: tuple[str, ...]) -> tuple[str, ...]:
        """The members elect another and its own comes back: the resources run on, and so must the node."""
        return ()


FAULT = PcmkDcKill()
