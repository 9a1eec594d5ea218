"""node.shutdown: shut the node down in good order."""

from __future__ import annotations

from chaos.faults.node_reboot import NodeReboot


class NodeShutdown(NodeReboot):
    """Maintenance as it should be: a clean leave, no fencing, and quorum counted anew."""

    name = "node.shutdown"
    summary = "shut the node down in good order"
    verb = "poweroff"


FAULT = NodeShutdown()
