"""pcmk.dc_kill: the controller that decides for the cluster dies."""

from __future__ import annotations

from chaos.faults.proc_kill import ProcKill


class PcmkDcKill(ProcKill):
    """Aim it at ``dc``: pacemakerd starts it again, and the members elect."""

    name = "pcmk.dc_kill"
    summary = "kill -9 the controller"
    parameters = frozenset()
    process = "pacemaker-controld"


FAULT = PcmkDcKill()
