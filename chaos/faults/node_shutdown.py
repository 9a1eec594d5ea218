"""node.shutdown: shut the node down in good order."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from chaos.faults.node_reset import NodeReset
from chaos.model import Target
from lab.errors import NodeError

if TYPE_CHECKING:
    from lab.lab import Lab


class NodeShutdown(NodeReset):
    """Maintenance as it should be: a clean leave, no fencing, and quorum counted anew."""

    name = "node.shutdown"
    summary = "shut the node down in good order"
    needs = frozenset({"poweroff", "shell"})
    wants_fencing = False
    bounds = "graceful"

    def inject(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            with suppress(NodeError):  # the connection may go before the answer
                lab.shell.run(node, "systemctl --no-block poweroff", timeout=10)
            lab.shell.forget(node)


FAULT = NodeShutdown()
