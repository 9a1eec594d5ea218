"""node.watchdog: the node's hardware watchdog is armed and nobody feeds it any more, so it resets the node."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chaos.faults.base import Number, all_hold, with_params
from chaos.faults.nodebase import NodeFault
from chaos.model import Proof, Target
from chaos.reach import packets_return, ssh_banner
from lab.drivers.base import PowerState
from lab.errors import HalabError, NodeError
from lab.state.events import read_events

if TYPE_CHECKING:
    from lab.lab import Lab

_BOOT_ID = "cat /proc/sys/kernel/random/boot_id"
_HELD = "/run/halab-watchdog.pid"
_POLL = 0.2  # s
_SILENT_WITHIN = 10.0  # s after the watchdog's own time
# Who opens a watchdog starts it, and has to write to it from then on; a last "V" stops it again
# (watchdog-api in the kernel's documentation).  The process that holds it is left behind, silent.
_HOLD = f"""
import fcntl, os, signal, struct, sys
dog = os.open("/dev/watchdog0", os.O_WRONLY)
fcntl.ioctl(dog, 0xC0045706, struct.pack("i", int(sys.argv[1])))  # WDIOC_SETTIMEOUT, seconds
if os.fork():
    os._exit(0)
os.setsid()
for stream in range(3):
    os.dup2(os.open(os.devnull, os.O_RDWR), stream)
def calm(*_):
    os.write(dog, b"V")
    os._exit(0)
signal.signal(signal.SIGTERM, calm)
with open("{_HELD}", "w") as file:
    file.write(str(os.getpid()))
while True:
    signal.pause()
"""


class NodeWatchdog(NodeFault):
    """What a system that hangs so badly that it forgets its watchdog comes to: a reset without any BMC.

    ``seconds``: the watchdog's patience.  The node runs on until then, and boots by itself afterwards; its cluster has
    to fence it all the same, for it cannot know.  Only machines have a watchdog of their own.
    """

    name = "node.watchdog"
    summary = "let the node's watchdog run out"
    needs = frozenset({"watchdog", "shell"})
    parameters = frozenset({"seconds"})
    numbers = (Number("seconds", 5, 2, 60),)

    def prepare(self, lab: Lab, target: Target) -> Target:
        """Note which boot this is, and when: the watchdog has to end it before any BMC does."""
        boots = {node: lab.shell.run(node, _BOOT_ID).stdout.strip() for node in target.nodes}
        return with_params(target, boots=boots, since=time.time())

    def inject(self, lab: Lab, target: Target) -> None:
        """Returns when they are silent: until then nothing has happened to anybody."""
        seconds = self.numbers_of(target.params)["seconds"]
        for node in target.nodes:
            lab.shell.run(node, f"python3 - {seconds}", stdin=_HOLD, timeout=20)
        end = time.monotonic() + seconds + _SILENT_WITHIN * lab.driver.slowness
        for node in target.nodes:
            while not _silent(lab, node) and time.monotonic() < end:
                time.sleep(_POLL)
            if _silent(lab, node):
                # Now: a moment later its cluster has it fenced, and its power says nothing about its watchdog.
                seen = self._alone(lab, node, target)
                lab.events.emit("fault.seen", node, boot=target.params["boots"][node], ok=seen.ok, words=seen.evidence)
                lab.shell.forget(node)

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        """Each fell silent with its power on, before any BMC was told anything: it was its own watchdog."""
        seen = {event.node: event.data for event in read_events(lab.paths.events)
                if event.kind == "fault.seen" and event.data.get("boot") == target.params["boots"].get(event.node)}
        return all_hold([Proof(bool(seen[node]["ok"]), str(seen[node]["words"])) if node in seen
                         else Proof(False, f"{node}: its kernel still answers") for node in target.nodes])

    def heal(self, lab: Lab, target: Target) -> None:
        """Call the watchdog off where it has not run out yet."""
        for node in target.nodes:
            if ssh_banner(lab, node):
                try:
                    lab.shell.run(node, f"test ! -e {_HELD} || kill $(cat {_HELD})", timeout=10, check=False)
                except NodeError:
                    lab.shell.forget(node)
        super().heal(lab, target)

    def healed(self, lab: Lab, target: Target) -> Proof:
        up = super().healed(lab, target)
        return all_hold([up, *(_calm(lab, node) for node in target.nodes)]) if up.ok else up

    @staticmethod
    def _alone(lab: Lab, node: str, target: Target) -> Proof:
        told = [event.kind for event in read_events(lab.paths.events, float(target.params["since"]))
                if event.node == node and event.kind in ("power.off", "power.reset", "power.suspend")]
        state = lab.driver.power.state(node)
        if told or state is not PowerState.ON:
            return Proof(False, f"{node}: its power is {state}" + (f" after {', '.join(told)}" if told else "")
                         + ": it was not its watchdog")
        return Proof(True, f"{node}: power on, told nothing by its BMC, and its kernel answers nothing any more")


def _silent(lab: Lab, node: str) -> bool:
    """Nothing came back, twice: one lost packet is no lost node."""
    return not packets_return(lab, node, "mgmt") and not packets_return(lab, node, "mgmt")


def _calm(lab: Lab, node: str) -> Proof:
    """Nobody has armed the watchdog and left."""
    try:
        said = lab.shell.run(node, "cat /sys/class/watchdog/watchdog0/state", timeout=10, check=False).stdout.strip()
    except HalabError as error:
        return Proof(False, f"{node}: cannot look: {error.what}")
    return Proof(said == "inactive", f"{node}: its watchdog is {said or 'unknown'}")


FAULT = NodeWatchdog()
