"""node.reboot: reboot the node in good order."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from chaos.faults.node_reset import NodeReset
from chaos.model import Target
from lab.errors import NodeError

if TYPE_CHECKING:
    from lab.lab import Lab


class NodeReboot(NodeReset):
    """Its services stop one by one, its cluster daemons say goodbye: nobody has to be fenced."""

    name = "node.reboot"
    summary = "reboot the node in good order"
    needs = frozenset({"poweroff", "shell"})
    wants_fencing = False
    bounds = "graceful"
    verb: ClassVar[str] = "reboot"  # systemctl's

    def inject(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            with suppress(NodeError):  # the connection may go before the answer
                lab.shell.run(node, f"systemctl --no-block {self.verb}", timeout=10)
            lab.shell.forget(node)


FAULT = NodeReboot()
