"""cache.blackhole: one cache server swallows requests and answers none."""

from __future__ import annotations

from chaos.faults.net_port_block import NetPortBlock
from daemons.services import port as service_port


class CacheBlackhole(NetPortBlock):
    """Worse than a dead one: each request costs its client a whole timeout until it drops the server."""

    name = "cache.blackhole"
    summary = "drop the traffic of memcached"
    parameters = frozenset()
    port = service_port("memcached")


FAULT = CacheBlackhole()
