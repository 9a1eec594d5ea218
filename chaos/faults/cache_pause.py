"""cache.pause: one cache server stands still with its connections open."""

from __future__ import annotations

from chaos.faults.proc_pause import ProcPause


class CachePause(ProcPause):
    """Its clients wait a whole timeout for each key until they drop it."""

    name = "cache.pause"
    summary = "stop memcached with SIGSTOP"
    parameters = frozenset()
    process = "memcached"


FAULT = CachePause()
