"""cache.kill: one cache server dies, and what it held is gone."""

from __future__ import annotations

from chaos.faults.proc_kill import ProcKill


class CacheKill(ProcKill):
    """About one in n keys is lost; clients drop the server by themselves."""

    name = "cache.kill"
    summary = "kill -9 memcached"
    parameters = frozenset()
    process = "memcached"


FAULT = CacheKill()
