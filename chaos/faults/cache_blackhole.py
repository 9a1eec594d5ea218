"""cache.blackhole: one cache server swallows requests and answers none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos.faults.base import BaseFault, with_params
from chaos.faults.net_port_block import NetPortBlock
from chaos.model import Target
from daemons.services import port

if TYPE_CHECKING:
    from lab.lab import Lab

PORT = port("memcached")


class CacheBlackhole(NetPortBlock):
    """Worse than a dead one: each request costs its client a whole timeout until it drops the server."""

    name = "cache.blackhole"
    summary = "drop the traffic of memcached"
    parameters = frozenset()

    def validate(self, params: Mapping[str, Any]) -> None:
        BaseFault.validate(self, params)

    def prepare(self, lab: Lab, target: Target) -> Target:
        return super().prepare(lab, with_params(target, port=PORT))


FAULT = CacheBlackhole()
