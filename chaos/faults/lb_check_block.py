"""lb.check_block: the proxy cannot check a database that works."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chaos.faults.base import BaseFault, with_params
from chaos.faults.net_port_block import NetPortBlock
from chaos.model import Target
from daemons.services import GALERA_CHECK_PORT

if TYPE_CHECKING:
    from lab.lab import Lab

PORT = GALERA_CHECK_PORT


class LbCheckBlock(NetPortBlock):
    """The proxy takes a healthy server out: the check is part of what has to be available."""

    name = "lb.check_block"
    summary = "drop the proxy's check of one database"
    parameters = frozenset()

    def validate(self, params: Mapping[str, Any]) -> None:
        BaseFault.validate(self, params)

    def prepare(self, lab: Lab, target: Target) -> Target:
        return super().prepare(lab, with_params(target, port=PORT))


FAULT = LbCheckBlock()
