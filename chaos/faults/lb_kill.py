"""lb.kill: the proxy on the node dies."""

from __future__ import annotations

from chaos.faults.proc_kill import ProcKill


class LbKill(ProcKill):
    """Aim it at ``vip_holder``: elsewhere no client notices."""

    name = "lb.kill"
    summary = "kill -9 the proxy"
    parameters = frozenset()
    process = "haproxy"


FAULT = LbKill()
