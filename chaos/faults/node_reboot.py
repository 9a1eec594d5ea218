"""node.reboot: reboot the node in good order."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from chaos.faults.node_reset import NodeReset
from chaos.model import Target
from chaos.reach import ssh_banner
from lab.drivers.base import PowerState
from lab.errors import HalabError, NodeError
from lab.parallel import for_each

if TYPE_CHECKING:
    from lab.lab import Lab

_GONE_WITHIN = 60.0  # s for a shutdown to end
_POLL = 0.2  # s


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

    def heal(self, lab: Lab, target: Target) -> None:
        """A node that is going down has power now, and none in a moment: its end is waited for, or made."""
        for_each(target.nodes, lambda node: _let_it_go(lab, node))
        super().heal(lab, target)


def _let_it_go(lab: Lab, node: str) -> None:
    end = time.monotonic() + _GONE_WITHIN * lab.driver.slowness
    while lab.driver.power.state(node) is PowerState.ON and not _stays(lab, node):
        if time.monotonic() > end:
            lab.driver.power.off(node)
        time.sleep(_POLL)


def _stays(lab: Lab, node: str) -> bool:
    """Whether it runs and is not about to stop."""
    if not ssh_banner(lab, node):
        return False
    try:
        # "stopping" while a shutdown is under way (systemctl(1)).
        said = lab.shell.run(node, "systemctl is-system-running", timeout=5, check=False).stdout.strip()
    except HalabError:
        return False
    return said not in ("", "stopping")


FAULT = NodeReboot()
