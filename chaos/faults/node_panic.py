"""node.panic: the node's kernel stops, with the power still on."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from chaos.faults.base import BaseFault, all_hold, power_back_on, with_params
from chaos.faults.nodebase import alive
from chaos.model import HealRank, Proof, Target
from chaos.reach import packets_return, ssh_banner
from lab.drivers.base import PowerState
from lab.errors import NodeError
from lab.state.events import read_events

if TYPE_CHECKING:
    from lab.lab import Lab

# kernel.panic=0: no reboot of its own, as a machine without a watchdog.  The panic comes after the
# command has ended, so that the connection which gave it can be closed in peace.
_COMMAND = ("sysctl -q -w kernel.panic=0; "
            "setsid sh -c 'sleep 0.5; echo c > /proc/sysrq-trigger' </dev/null >/dev/null 2>&1 &")


class NodePanic(BaseFault):
    """A crash by sysrq.

    Unlike a power cut the machine still looks powered to its BMC, and unlike a freeze it never
    comes back by itself: fencing has to turn it off and on.  Containers share the host's kernel,
    so only real machines can take this.
    """

    name = "node.panic"
    summary = "crash the node's kernel"
    needs = frozenset({"panic", "shell"})
    rank = HealRank.POWER
    wants_fencing = True
    bounds = "silent_loss"

    def inject(self, lab: Lab, target: Target) -> None:
        for node in target.nodes:
            # A slow machine may crash before its answer is through; whether it did, the proof says.
            with suppress(NodeError):
                lab.shell.run(node, _COMMAND, timeout=5)
            lab.shell.forget(node)

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        return all_hold([self._crashed(lab, node) for node in target.nodes])

    def prepare(self, lab: Lab, target: Target) -> Target:
        """Note the time: a power-on after it means that the node was fenced and boots already."""
        return with_params(target, since=time.time())

    def heal(self, lab: Lab, target: Target) -> None:
        """Cut the power of a node that still hangs, and have it on; one that was fenced is left alone."""
        cycled = {event.node for event in read_events(lab.paths.events, float(target.params.get("since", 0)))
                  if event.kind == "power.off"}
        for node in target.nodes:
            if node not in cycled and not packets_return(lab, node, "mgmt"):
                lab.driver.power.off(node)
            power_back_on(lab, node)

    def healed(self, lab: Lab, target: Target) -> Proof:
        return all_hold([alive(lab, node) for node in target.nodes])

    @staticmethod
    def _crashed(lab: Lab, node: str) -> Proof:
        state = lab.driver.power.state(node)
        if state is not PowerState.ON:
            return Proof(False, f"{node}: the driver says its power is {state}: it did not just crash")
        if packets_return(lab, node, "mgmt") or ssh_banner(lab, node):
            return Proof(False, f"{node}: its kernel still answers")
        return Proof(True, f"{node}: power on, and its kernel answers nothing")


FAULT = NodePanic()
