"""lb.check_block: the proxy cannot check a database that works."""

from __future__ import annotations

from chaos.faults.net_port_block import NetPortBlock
from daemons.services import GALERA_CHECK_PORT


class LbCheckBlock(NetPortBlock):
    """The proxy takes a healthy server out: the check is part of what has to be available."""

    name = "lb.check_block"
    summary = "drop the proxy's check of one database"
    parameters = frozenset()
    port = GALERA_CHECK_PORT


FAULT = LbCheckBlock()
