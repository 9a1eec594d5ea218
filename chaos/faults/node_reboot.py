"""node.reboot: reboot the node in good order."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from chaos.faults.node_reset import NodeReset, happened
from chaos.model import Proof, Target
from chaos.reach import ssh_banner
from lab.drivers.base import PowerState
from lab.errors import HalabError, NodeError
from lab.parallel import for_each

if TYPE_CHECKING:
    from lab.lab import Lab

_GONE_WITHIN = 60.0  # s for a shutdown to end
_POLL = 0.2  # s
_ASK_STATE = "systemctl is-system-running"
_STOPPING = "stopping"  # while a shutdown is under way, from the moment that it is queued (systemctl(1))
_OBEYS = "node.stopping"  # the diary's word for it


class NodeReboot(NodeReset):
    """Its services stop one by one, its cluster daemons say goodbye: nobody has to be fenced."""

    name = "node.reboot"
    summary = "reboot the node in good order"
    needs = frozenset({"poweroff", "shell"})
    wants_fencing = False
    bounds = "graceful"
    shows_within = _GONE_WITHIN  # where its answer was lost, its end has to be seen
    verb: ClassVar[str] = "reboot"  # systemctl's

    def may_leave(self, target: Target, members: tuple[str, ...]) -> tuple[str, ...]:
        """Who says goodbye."""
        return target.nodes

    def inject(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            with suppress(NodeError):  # the connection may go before the answer, which then proves nothing
                said = lab.shell.run(node, f"systemctl --no-block {self.verb} && {_ASK_STATE}", timeout=10, check=False)
                if said.stdout.strip() == _STOPPING:
                    lab.events.emit(_OBEYS, node)
            lab.shell.forget(node)

    def ended(self, lab: Lab, node: str, target: Target) -> Proof:
        """Its own systemd said that it stops, or it is dark, or it was and has power again."""
        if happened(lab, node, _OBEYS, target):
            return Proof(True, f"{node}: its systemd is {_STOPPING}")
        if lab.driver.power.state(node) is PowerState.OFF:
            return Proof(True, f"{node}: the driver says off")
        if happened(lab, node, "power.on", target):
            return Proof(True, f"{node}: was off, and has power again")
        if _state(lab, node) == _STOPPING:
            return Proof(True, f"{node}: its systemd is {_STOPPING}")
        return super().ended(lab, node, target)

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
    return _state(lab, node) not in ("", _STOPPING)


def _state(lab: Lab, node: str) -> str:
    """What its systemd says of itself; '' when it cannot be asked."""
    if not ssh_banner(lab, node):
        return ""
    try:
        return lab.shell.run(node, _ASK_STATE, timeout=5, check=False).stdout.strip()
    except HalabError:
        return ""


FAULT = NodeReboot()
