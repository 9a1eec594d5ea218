"""node.reset: the reset button. The node is gone at once, tests itself and boots."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chaos.faults.base import all_hold, with_params
from chaos.faults.nodebase import NodeFault
from chaos.model import Proof, Target
from lab import interrupt
from lab.errors import HalabError
from lab.parallel import for_each
from lab.state.events import read_events

if TYPE_CHECKING:
    from lab.lab import Lab

# A container's boot_id is the host's, and its first process has a start time of its own (field 22 of stat, proc(5));
# a machine's first process always starts at the same tick, and its boot_id is its own.
BOOT = "cat /proc/sys/kernel/random/boot_id; cut -d ' ' -f 22 /proc/1/stat"


class NodeReset(NodeFault):
    """It comes back by itself, while the others give it up and fence it: they must not take it for the old one."""

    name = "node.reset"
    summary = "power-cycle the node"

    def prepare(self, lab: Lab, target: Target) -> Target:
        return with_params(target, since=time.time(),
                           boot={node: lab.shell.run(node, BOOT).stdout.strip() for node in target.nodes})

    def inject(self, lab: Lab, target: Target) -> None:
        for_each(target.nodes, lab.driver.power.off)
        # As long as after a reset by the BMC.  A container boots in a second: back before the others' token time it
        # was in their next membership, and nobody had noticed a reset (seen).
        interrupt.wait(lab.plan.profile.bmc.post)
        for_each(target.nodes, lab.driver.power.on)

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        return all_hold([self.ended(lab, node, target) for node in target.nodes])

    def ended(self, lab: Lab, node: str, target: Target) -> Proof:
        """The diary says that its power went, or it says itself that it lives anew; silence alone proves nothing."""
        if happened(lab, node, "power.off", target):
            return Proof(True, f"{node}: lost its power")
        try:
            now = lab.shell.run(node, BOOT, timeout=5).stdout.strip()
        except HalabError as error:
            return Proof(False, f"{node}: cannot look: {error.what}")
        before = target.params["boot"][node]
        anew = bool(now) and now != before
        return Proof(anew, f"{node}: {'booted anew' if anew else 'is still in its old life'}")


def happened(lab: Lab, node: str, kind: str, target: Target) -> bool:
    """Whether the diary has such an event of the node since ``target`` was prepared."""
    return any(event.kind == kind and event.node == node
               for event in read_events(lab.paths.events, float(target.params["since"])))


FAULT = NodeReset()
