"""node.watchdog: the node's hardware watchdog is armed and nobody feeds it any more, so it resets the node."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chaos.faults.base import Number, all_hold, with_params
from chaos.faults.nodebase import NodeFault
from chaos.model import Proof, Target
from chaos.reach import ssh_banner
from lab.errors import HalabError, NodeError
from lab.state.events import read_events

if TYPE_CHECKING:
    from lab.lab import Lab

FIRED = "watchdog.fired"
_HELD = "/run/halab-watchdog.pid"
_POLL = 0.2  # s
_LATE = 10.0  # s that it may fire after its time
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
    os.unlink("{_HELD}")
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
    to fence it all the same, for it cannot know.  Only machines have a watchdog of their own, and its word for it that
    it has fired is the witness's: a node that fell silent may have been fenced.
    """

    name = "node.watchdog"
    summary = "let the node's watchdog run out"
    needs = frozenset({"watchdog", "witness", "shell"})
    parameters = frozenset({"seconds"})
    numbers = (Number("seconds", 5, 2, 60),)

    def prepare(self, lab: Lab, target: Target) -> Target:
        return with_params(target, since=time.time())

    def inject(self, lab: Lab, target: Target) -> None:
        """Returns when it has fired on all: until then nothing has happened to anybody."""
        seconds = self.numbers_of(target.params)["seconds"]
        for node in target.nodes:
            lab.shell.run(node, f"python3 - {seconds}", stdin=_HOLD, timeout=20)
        end = time.monotonic() + seconds + _LATE * lab.driver.slowness
        while len(_fired(lab, target)) < len(target.nodes) and time.monotonic() < end:
            time.sleep(_POLL)
        for node in target.nodes:
            lab.shell.forget(node)

    def struck(self, lab: Lab, target: Target) -> float | None:
        return min(_fired(lab, target).values(), default=None)

    def took_effect(self, lab: Lab, target: Target) -> Proof:
        fired = _fired(lab, target)
        return all_hold([Proof(node in fired, f"{node}: its watchdog " + (
            "fired, says the hypervisor" if node in fired else "has not fired")) for node in target.nodes])

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


def _fired(lab: Lab, target: Target) -> dict[str, float]:
    """When the watchdogs of the target's nodes fired (epoch seconds), of those that did."""
    return {event.node: event.at for event in read_events(lab.paths.events, float(target.params["since"]))
            if event.kind == FIRED and event.node in target.nodes}


def _calm(lab: Lab, node: str) -> Proof:
    """Nobody has armed the watchdog and left."""
    try:
        said = lab.shell.run(node, "cat /sys/class/watchdog/watchdog0/state", timeout=10, check=False).stdout.strip()
    except HalabError as error:
        return Proof(False, f"{node}: cannot look: {error.what}")
    return Proof(said == "inactive", f"{node}: its watchdog is {said or 'unknown'}")


FAULT = NodeWatchdog()
